//! SQL of the assets that may be looked at.

use chrono::{DateTime, Utc};
use domain::universe::{Liquidity, Tier, is_penny_stock};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::word::Word;

/// Who gave the bars of an asset whose liquidity comes from the shipped market data.
pub const SHIPPED: &str = "shipped";

/// The tickers and names that are shipped; the migration writes the same.
const LISTINGS: [(&str, &str, &str); 5] = [
    ("AAPL", "Apple Inc.", "NASDAQ"),
    ("FB", "Meta Platforms, Inc. (formerly Facebook)", "NASDAQ"),
    ("GOOG", "Alphabet Inc. Class C", "NASDAQ"),
    ("IBM", "International Business Machines Corporation", "NYSE"),
    ("MSFT", "Microsoft Corporation", "NASDAQ"),
];

/// An asset and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// The ticker.
    pub symbol: String,
    /// Its name.
    pub name: Option<String>,
    /// Where it is listed.
    pub exchange: Option<String>,
    /// The broker's class of it, such as `us_equity`.
    pub asset_class: String,
    /// Whether orders for it are taken.
    pub tradable: bool,
    /// Whether it costs less than 5 USD.
    pub is_penny_stock: bool,
    /// Whether nobody looks at it.
    pub excluded: bool,
    /// Why nobody does.
    pub excluded_reason: Option<String>,
    /// The sector of its company.
    pub sector: Option<String>,
    /// Its class of liquidity; C while nothing is known of its trading.
    pub tier: Tier,
    /// Shares a day.
    pub avg_daily_volume: Option<Decimal>,
    /// USD a day.
    pub traded_value: Option<Decimal>,
    /// Between bid and ask.
    pub spread_percent: Option<Decimal>,
    /// The last close in USD.
    pub price: Option<Decimal>,
    /// 0 to 1.
    pub liquidity_score: Option<Decimal>,
    /// When tier, volume and price were last found.
    pub metrics_at: Option<DateTime<Utc>>,
    /// Who gave the bars that they are from; [`SHIPPED`]: ours, simulated at their end.
    pub metrics_source: Option<String>,
    /// Growth of revenue over a year, as a fraction.
    pub revenue_growth: Option<Decimal>,
    /// Operating income by revenue, as a fraction.
    pub operating_margin: Option<Decimal>,
    /// Liabilities by equity.
    pub debt_to_equity: Option<Decimal>,
    /// Growth of the number of shares over a year, as a fraction.
    pub dilution: Option<Decimal>,
    /// When the company's figures were last read.
    pub fundamentals_at: Option<DateTime<Utc>>,
    /// When any of it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a broker says of an asset.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Listing {
    /// Its name.
    pub name: String,
    /// Where it is listed.
    pub exchange: String,
    /// The broker's class of it.
    pub asset_class: String,
    /// Whether orders for it are taken.
    pub tradable: bool,
}

/// Returns every asset, by symbol.
pub async fn assets(conn: &mut PgConnection) -> sqlx::Result<Vec<Asset>> {
    read(conn, None).await
}

/// Returns the asset `symbol`, if it is known.
pub async fn asset(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<Option<Asset>> {
    Ok(read(conn, Some(symbol)).await?.pop())
}

async fn read(conn: &mut PgConnection, symbol: Option<&str>) -> sqlx::Result<Vec<Asset>> {
    sqlx::query_as!(
        Asset,
        r#"select symbol, name, exchange, asset_class, tradable, is_penny_stock, excluded, excluded_reason,
                  sector, coalesce(tier, 'C') as "tier!: Word<Tier>", avg_daily_volume, traded_value, spread_percent, price,
                  liquidity_score, metrics_at, metrics_source, revenue_growth, operating_margin,
                  debt_to_equity, dilution, fundamentals_at, updated_at
             from universe_assets
            where $1::text is null or symbol = $1
            order by symbol"#,
        symbol
    )
    .fetch_all(conn)
    .await
}

/// Adds the shipped assets when there is none at all; returns how many were added.
pub async fn seed(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let column = |pick: fn(&(&str, &str, &str)) -> String| LISTINGS.iter().map(pick).collect::<Vec<_>>();
    let done = sqlx::query!(
        "insert into universe_assets (symbol, name, exchange)
         select symbol, name, exchange
           from unnest($1::text[], $2::text[], $3::text[]) as listing (symbol, name, exchange)
          where not exists (select from universe_assets)
         on conflict do nothing",
        &column(|listing| listing.0.to_owned()),
        &column(|listing| listing.1.to_owned()),
        &column(|listing| listing.2.to_owned())
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Returns whether no asset's liquidity was found within the last `hours`.
pub async fn is_due(conn: &mut PgConnection, hours: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select not exists (select from universe_assets
                               where metrics_at > clock_timestamp() - make_interval(hours => $1)) as "due!""#,
        hours
    )
    .fetch_one(conn)
    .await
}

/// Records what the broker says of an asset; `None`: it lists no such asset.
pub async fn store_listing(
    conn: &mut PgConnection,
    symbol: &str,
    listing: Option<&Listing>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update universe_assets
            set name = coalesce($2, name), exchange = coalesce($3, exchange),
                asset_class = coalesce($4, asset_class), tradable = $5, updated_at = clock_timestamp()
          where symbol = $1",
        symbol,
        listing.map(|listing| listing.name.as_str()),
        listing.map(|listing| listing.exchange.as_str()),
        listing.map(|listing| listing.asset_class.as_str()),
        listing.is_some_and(|listing| listing.tradable)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records how liquid an asset is, by the bars of `source`. What is only `shipped` never replaces
/// what a market gave.
pub async fn store_liquidity(
    conn: &mut PgConnection,
    symbol: &str,
    found: &Liquidity,
    source: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update universe_assets
            set avg_daily_volume = $2, traded_value = $3, price = $4, tier = $5, liquidity_score = $6,
                is_penny_stock = $7, metrics_source = $8, metrics_at = clock_timestamp(),
                updated_at = clock_timestamp()
          where symbol = $1 and ($8 <> 'shipped' or coalesce(metrics_source, 'shipped') = 'shipped')",
        symbol,
        found.avg_daily_volume,
        found.traded_value,
        found.price,
        found.tier.as_str(),
        found.tier.liquidity_score(),
        is_penny_stock(found.price),
        source
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records what a company filed.
pub async fn store_figures(
    conn: &mut PgConnection,
    symbol: &str,
    figures: &domain::universe::Figures,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update universe_assets
            set revenue_growth = $2, operating_margin = $3, debt_to_equity = $4, dilution = $5,
                fundamentals_at = clock_timestamp(), updated_at = clock_timestamp()
          where symbol = $1",
        symbol,
        figures.revenue_growth,
        figures.operating_margin,
        figures.debt_to_equity,
        figures.dilution
    )
    .execute(conn)
    .await?;
    Ok(())
}
