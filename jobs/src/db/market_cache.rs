//! The last usable quotes and daily bars, whoever gave them: what requests read instead of asking.

use chrono::{DateTime, NaiveDate, Utc};
use domain::bars::{Provenance, Series};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};

use crate::connector::{Fallback, Quote, Sourced};

/// A quote that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct QuoteRow {
    /// Of what.
    pub symbol: String,
    /// The last trade's price.
    pub price: Decimal,
    /// The last session's close.
    pub previous_close: Option<Decimal>,
    /// The day's first price.
    pub open: Option<Decimal>,
    /// The day's highest price.
    pub high: Option<Decimal>,
    /// The day's lowest price.
    pub low: Option<Decimal>,
    /// Shares traded on the day.
    pub volume: Option<Decimal>,
    /// When the trade was, by the market's time.
    pub as_of: DateTime<Utc>,
    /// When it was asked for, by our clock.
    pub fetched_at: DateTime<Utc>,
    /// Seconds since then, by the database's clock.
    pub age_s: f64,
    /// Who gave it.
    pub provider: String,
    /// Who was asked before, in order.
    pub fallbacks: Vec<Fallback>,
}

/// Daily bars that are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct BarsRow {
    /// The bars, oldest first.
    pub series: Series,
    /// When they were asked for, by our clock.
    pub fetched_at: DateTime<Utc>,
    /// Who gave them.
    pub provider: String,
    /// Who was asked before, in order.
    pub fallbacks: Vec<Fallback>,
}

/// Keeps a quote, unless a later trade is known that was asked for within the last minutes: a
/// simulated market's time may begin anew.
pub async fn put_quote(conn: &mut PgConnection, quote: &Sourced<Quote>) -> sqlx::Result<()> {
    let Quote { symbol, price, previous_close, open, high, low, volume, at } = &quote.value;
    sqlx::query!(
        "insert into market_quotes
                (symbol, price, previous_close, open, high, low, volume, as_of, fetched_at, provider, fallbacks)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (symbol) do update
            set price = excluded.price, previous_close = excluded.previous_close, open = excluded.open,
                high = excluded.high, low = excluded.low, volume = excluded.volume,
                as_of = excluded.as_of, fetched_at = excluded.fetched_at, provider = excluded.provider,
                fallbacks = excluded.fallbacks
          where market_quotes.as_of <= excluded.as_of
             or market_quotes.fetched_at < excluded.fetched_at - interval '5 minutes'",
        symbol,
        price,
        *previous_close,
        *open,
        *high,
        *low,
        *volume,
        at,
        quote.fetched_at,
        quote.provider,
        Json(&quote.fallbacks) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the quotes of `symbols` that are kept, by symbol.
pub async fn quotes(conn: &mut PgConnection, symbols: &[String]) -> sqlx::Result<Vec<QuoteRow>> {
    let rows = sqlx::query!(
        r#"select symbol, price, previous_close, open, high, low, volume, as_of, fetched_at,
                  extract(epoch from clock_timestamp() - fetched_at)::float8 as "age_s!", provider, fallbacks
             from market_quotes
            where symbol = any ($1)
            order by symbol"#,
        symbols
    )
    .fetch_all(conn)
    .await?;
    let mut quotes = Vec::with_capacity(rows.len());
    for row in rows {
        quotes.push(QuoteRow {
            symbol: row.symbol,
            price: row.price,
            previous_close: row.previous_close,
            open: row.open,
            high: row.high,
            low: row.low,
            volume: row.volume,
            as_of: row.as_of,
            fetched_at: row.fetched_at,
            age_s: row.age_s,
            provider: row.provider,
            fallbacks: decode(row.fallbacks)?,
        });
    }
    Ok(quotes)
}

/// Keeps daily bars, in place of those that were kept.
pub async fn put_bars(conn: &mut PgConnection, bars: &Sourced<Series>) -> sqlx::Result<()> {
    let series = &bars.value;
    let simulated = series.provenance.contains(&Provenance::Simulated);
    sqlx::query!(
        "insert into market_bars
                (symbol, dates, open, high, low, close, volume, simulated, fetched_at, provider, fallbacks)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (symbol) do update
            set dates = excluded.dates, open = excluded.open, high = excluded.high, low = excluded.low,
                close = excluded.close, volume = excluded.volume, simulated = excluded.simulated,
                fetched_at = excluded.fetched_at, provider = excluded.provider,
                fallbacks = excluded.fallbacks
          where market_bars.fetched_at <= excluded.fetched_at",
        series.symbol,
        &series.dates,
        &series.open,
        &series.high,
        &series.low,
        &series.close,
        &series.volume,
        simulated,
        bars.fetched_at,
        bars.provider,
        Json(&bars.fallbacks) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the daily bars of `symbol` that are kept.
pub async fn bars(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<Option<BarsRow>> {
    let row = sqlx::query!(
        "select symbol, dates, open, high, low, close, volume, simulated, fetched_at, provider, fallbacks
           from market_bars
          where symbol = $1",
        symbol
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let provenance = if row.simulated { Provenance::Simulated } else { Provenance::Real };
    let series = Series {
        symbol: row.symbol,
        provenance: vec![provenance; row.dates.len()],
        dates: row.dates,
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        volume: row.volume,
    };
    let fallbacks = decode(row.fallbacks)?;
    Ok(Some(BarsRow { series, fetched_at: row.fetched_at, provider: row.provider, fallbacks }))
}

/// Returns the last day of the bars that are kept, by symbol.
pub async fn last_days(
    conn: &mut PgConnection,
    symbols: &[String],
) -> sqlx::Result<Vec<(String, NaiveDate)>> {
    let rows = sqlx::query!(
        r#"select symbol, dates[cardinality(dates)] as "last!"
             from market_bars
            where symbol = any ($1) and cardinality(dates) > 0"#,
        symbols
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.symbol, row.last)).collect())
}

fn decode(fallbacks: Value) -> sqlx::Result<Vec<Fallback>> {
    serde_json::from_value(fallbacks).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
