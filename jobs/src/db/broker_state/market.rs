//! What can be traded, and what it last cost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

use crate::broker;

/// What the broker said about a symbol.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the broker states them")]
pub struct AssetRow {
    /// The symbol.
    pub symbol: String,
    /// Whether the broker knows it at all.
    pub known: bool,
    /// Whether orders for it are taken.
    pub tradable: bool,
    /// Whether parts of a share can be traded.
    pub fractionable: bool,
    /// Whether it may be sold short.
    pub shortable: bool,
    /// All that the broker said.
    pub raw: Option<Value>,
    /// When it was read.
    pub synced_at: DateTime<Utc>,
}

/// Returns what was last said about `symbol`.
pub async fn asset(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<Option<AssetRow>> {
    sqlx::query_as!(
        AssetRow,
        "select symbol, known, tradable, fractionable, shortable, raw, synced_at
           from broker_assets
          where symbol = $1",
        symbol
    )
    .fetch_optional(conn)
    .await
}

/// Keeps what the broker said about `symbol`; `None`: it knows no such asset.
pub async fn store_asset(
    conn: &mut PgConnection,
    symbol: &str,
    asset: Option<&broker::Asset>,
) -> sqlx::Result<()> {
    let flag = |of: fn(&broker::Asset) -> bool| asset.is_some_and(of);
    sqlx::query!(
        "insert into broker_assets (symbol, known, tradable, fractionable, shortable, raw)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (symbol) do update
            set known = excluded.known, tradable = excluded.tradable, fractionable = excluded.fractionable,
                shortable = excluded.shortable, raw = excluded.raw, synced_at = clock_timestamp()",
        symbol,
        asset.is_some(),
        flag(|asset| asset.active && asset.tradable),
        flag(|asset| asset.fractionable),
        flag(|asset| asset.shortable),
        asset.map(|asset| &asset.raw)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns up to `limit` kept symbols whose assets were read longer than `age` ago, oldest first.
pub async fn assets_older_than(
    conn: &mut PgConnection,
    age: Duration,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select symbol
           from broker_assets
          where synced_at < clock_timestamp() - make_interval(secs => $1::float8)
          order by synced_at
          limit $2",
        age.as_secs_f64(),
        limit
    )
    .fetch_all(conn)
    .await
}

/// A price that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceRow {
    /// Of what.
    pub symbol: String,
    /// What a share cost, in US dollars.
    pub price: Decimal,
    /// When it was traded.
    pub at: DateTime<Utc>,
    /// When we were told.
    pub seen_at: DateTime<Utc>,
}

/// Returns the last price seen of `symbol`.
pub async fn price(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<Option<PriceRow>> {
    sqlx::query_as!(PriceRow, "select symbol, price, at, seen_at from prices where symbol = $1", symbol)
        .fetch_optional(conn)
        .await
}

/// Returns the last prices seen of `symbols`, by symbol; symbols never seen are left out.
pub async fn prices(conn: &mut PgConnection, symbols: &[String]) -> sqlx::Result<Vec<PriceRow>> {
    sqlx::query_as!(
        PriceRow,
        "select symbol, price, at, seen_at from prices where symbol = any ($1) order by symbol",
        symbols
    )
    .fetch_all(conn)
    .await
}

/// Keeps a price, unless a later one is known.
pub async fn store_price(
    conn: &mut PgConnection,
    symbol: &str,
    price: Decimal,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into prices (symbol, price, at)
         values ($1, $2, $3)
         on conflict (symbol) do update
            set price = excluded.price, at = excluded.at, seen_at = clock_timestamp()
          where prices.at <= excluded.at",
        symbol,
        price,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the symbols that are held or have open orders, in order: those whose prices matter.
pub async fn symbols_of_interest(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select symbol as "symbol!" from positions
            union
           select symbol from broker_positions
            union
           select symbol from orders
            where status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
            order by 1"#
    )
    .fetch_all(conn)
    .await
}
