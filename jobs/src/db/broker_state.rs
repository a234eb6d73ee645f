//! What the broker last said about the account, the clock, positions, assets and prices.
//!
//! Workers write it, everybody reads it: a request never waits for the broker. Positions here are
//! the whole account's, whoever they belong to; see [`super::positions`] for the users' own.

mod market;
mod positions;

use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::broker;

pub use market::{
    AssetRow, PriceRow, asset, assets_older_than, price, prices, store_asset, store_price,
    symbols_of_interest,
};
pub use positions::{BrokerPosition, held, positions, store_positions};

/// The figures of the account that we use, as they were stored; money in its currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the broker states them")]
#[allow(missing_docs)]
pub struct AccountView {
    pub id: String,
    pub account_number: String,
    pub status: String,
    pub currency: String,
    pub cash: Decimal,
    pub equity: Decimal,
    pub last_equity: Decimal,
    pub buying_power: Decimal,
    pub long_market_value: Decimal,
    pub short_market_value: Decimal,
    pub shorting_enabled: bool,
    pub pattern_day_trader: bool,
    pub daytrade_count: u32,
    pub trading_blocked: bool,
    pub account_blocked: bool,
    pub trade_suspended_by_user: bool,
    /// All that the broker said.
    pub raw: Value,
}

/// The exchange's clock as it was stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ClockView {
    pub timestamp: DateTime<Utc>,
    pub is_open: bool,
    pub next_open: DateTime<Utc>,
    pub next_close: DateTime<Utc>,
    /// All that the broker said.
    pub raw: Value,
}

/// How the broker was found.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The account; `None` until it was read once.
    pub account: Option<AccountView>,
    /// The clock; `None` until it was read once.
    pub clock: Option<ClockView>,
    /// When account and positions were last read.
    pub synced_at: Option<DateTime<Utc>>,
    /// When the clock was last read.
    pub clock_at: Option<DateTime<Utc>>,
    /// How long ago account and positions were read, by the database's clock.
    pub age: Option<Duration>,
    /// What went wrong since, if the last try failed.
    pub error: Option<String>,
    /// When it did.
    pub error_at: Option<DateTime<Utc>>,
}

impl State {
    /// Returns the broker's own time, which goes on from when its clock was read: a simulated
    /// exchange's may lie apart from this machine's. `None` when it was never read.
    pub fn market_time(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (clock, read_at) = (self.clock.as_ref()?, self.clock_at?);
        Some(clock.timestamp + (now - read_at).max(chrono::TimeDelta::zero()))
    }
}

/// Returns all that is known of the account and the clock.
pub async fn state(conn: &mut PgConnection) -> sqlx::Result<State> {
    let row = sqlx::query!(
        "select account, clock, synced_at, clock_at, error, error_at,
                extract(epoch from clock_timestamp() - synced_at)::float8 as age_s
           from broker_state
          where id = 1"
    )
    .fetch_one(conn)
    .await?;
    Ok(State {
        account: decode(row.account)?,
        clock: decode(row.clock)?,
        synced_at: row.synced_at,
        clock_at: row.clock_at,
        age: row.age_s.map(|s| Duration::try_from_secs_f64(s.max(0.0)).unwrap_or(Duration::MAX)),
        error: row.error,
        error_at: row.error_at,
    })
}

/// Returns the account as it was last read.
pub async fn account(conn: &mut PgConnection) -> sqlx::Result<Option<AccountView>> {
    Ok(state(conn).await?.account)
}

/// Returns the clock as it was last read.
pub async fn clock(conn: &mut PgConnection) -> sqlx::Result<Option<ClockView>> {
    Ok(state(conn).await?.clock)
}

/// Returns how long ago account and positions were read; `None`: never.
pub async fn age(conn: &mut PgConnection) -> sqlx::Result<Option<Duration>> {
    Ok(state(conn).await?.age)
}

/// Returns whether the caller is the one to read the account again: it is older than `max_age`,
/// and nobody has begun to read it within `patience`.
pub async fn begin_reading(
    conn: &mut PgConnection,
    max_age: Duration,
    patience: Duration,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update broker_state
            set reading_at = clock_timestamp()
          where id = 1
            and (synced_at is null or synced_at < clock_timestamp() - make_interval(secs => $1::float8))
            and (reading_at is null or reading_at < clock_timestamp() - make_interval(secs => $2::float8))",
        max_age.as_secs_f64(),
        patience.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps the account and the positions, read together.
pub async fn store_account(
    conn: &mut PgConnection,
    account: &broker::Account,
    positions: &[broker::Position],
) -> sqlx::Result<()> {
    let account = json!(AccountView {
        id: account.id.clone(),
        account_number: account.account_number.clone(),
        status: account.status.clone(),
        currency: account.currency.clone(),
        cash: account.cash,
        equity: account.equity,
        last_equity: account.last_equity,
        buying_power: account.buying_power,
        long_market_value: account.long_market_value,
        short_market_value: account.short_market_value,
        shorting_enabled: account.shorting_enabled,
        pattern_day_trader: account.pattern_day_trader,
        daytrade_count: account.daytrade_count,
        trading_blocked: account.trading_blocked,
        account_blocked: account.account_blocked,
        trade_suspended_by_user: account.trade_suspended_by_user,
        raw: account.raw.clone(),
    });
    // The row first: who writes the positions holds it, so two views are never mixed.
    sqlx::query!(
        "update broker_state
            set account = $1, synced_at = clock_timestamp(), reading_at = null, error = null,
                error_at = null
          where id = 1",
        account
    )
    .execute(&mut *conn)
    .await?;
    store_positions(conn, positions).await
}

/// Keeps the clock.
pub async fn store_clock(conn: &mut PgConnection, clock: &broker::Clock) -> sqlx::Result<()> {
    let clock = json!(ClockView {
        timestamp: clock.timestamp,
        is_open: clock.is_open,
        next_open: clock.next_open,
        next_close: clock.next_close,
        raw: clock.raw.clone(),
    });
    sqlx::query!("update broker_state set clock = $1, clock_at = clock_timestamp() where id = 1", clock)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that the broker could not be read.
pub async fn note_error(conn: &mut PgConnection, error: &str) -> sqlx::Result<()> {
    sqlx::query!("update broker_state set error = $1, error_at = clock_timestamp() where id = 1", error)
        .execute(conn)
        .await?;
    Ok(())
}

fn decode<T: serde::de::DeserializeOwned>(stored: Option<Value>) -> sqlx::Result<Option<T>> {
    stored.map(serde_json::from_value).transpose().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
