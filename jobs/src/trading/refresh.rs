//! Reading the broker before an order is judged, where what is kept is too old.

use std::time::Duration;

use chrono::Utc;
use sqlx::Connection;
use tracing::debug;

use crate::{
    broker::{Broker, BrokerError},
    db::broker_state,
    environment::Environment,
    queue::JobError,
};

/// A view of the account, and a price, that an order is judged by at the moment of sending.
pub(crate) const MAX_VIEW_AGE: Duration = Duration::from_secs(5);
/// The clock is read again after so long.
const MAX_CLOCK_AGE: Duration = Duration::from_mins(1);
/// Whoever began to read the account so long ago has failed.
const READING: Duration = Duration::from_secs(3);
/// What is known of an asset is read again after so long.
const MAX_ASSET_AGE: Duration = Duration::from_hours(24);

/// Sees to it that account, positions and clock are no older than `max_age`; returns whether the
/// broker was asked.
///
/// A broker that can't be read leaves what is kept: the gates say whether that suffices.
pub(crate) async fn refresh_account(
    env: &Environment,
    broker: &dyn Broker,
    max_age: Duration,
) -> Result<bool, JobError> {
    let state = broker_state::state(&mut *env.pool.acquire().await?).await?;
    let clock_age = state.clock_at.map(|at| (Utc::now() - at).to_std().unwrap_or_default());
    if clock_age.is_none_or(|age| age > MAX_CLOCK_AGE) {
        match broker.clock().await {
            Ok(clock) => broker_state::store_clock(&mut *env.pool.acquire().await?, &clock).await?,
            Err(error) => note(env, &error).await?,
        }
    }
    // One reading serves all: the fleet shares the broker's limit of requests.
    let ours = broker_state::begin_reading(&mut *env.pool.acquire().await?, max_age, READING).await?;
    if !ours {
        return Ok(false);
    }
    match futures::future::try_join(broker.account(), broker.positions()).await {
        Ok((account, positions)) => {
            let mut conn = env.pool.acquire().await?;
            let mut tx = conn.begin().await?;
            broker_state::store_account(&mut tx, &account, &positions).await?;
            for position in &positions {
                let price =
                    position.current_price.filter(|price| price.is_sign_positive() && !price.is_zero());
                if let Some(price) = price {
                    broker_state::store_price(&mut tx, &position.symbol, price, Utc::now()).await?;
                }
            }
            tx.commit().await?;
        }
        Err(error) => note(env, &error).await?,
    }
    Ok(true)
}

/// Sees to it that the asset and the price of `symbol` are fresh, as far as the broker lets us.
pub(crate) async fn refresh_symbol(
    env: &Environment,
    broker: &dyn Broker,
    symbol: &str,
) -> Result<(), JobError> {
    let (asset, price) = {
        let mut conn = env.pool.acquire().await?;
        (broker_state::asset(&mut conn, symbol).await?, broker_state::price(&mut conn, symbol).await?)
    };
    let fresh =
        |at: chrono::DateTime<Utc>, limit: Duration| (Utc::now() - at).to_std().unwrap_or_default() <= limit;
    if !asset.is_some_and(|asset| fresh(asset.synced_at, MAX_ASSET_AGE)) {
        match broker.asset(symbol).await {
            Ok(asset) => {
                broker_state::store_asset(&mut *env.pool.acquire().await?, symbol, asset.as_ref()).await?;
            }
            Err(error) => debug!(%error, "the asset {symbol} could not be read"),
        }
    }
    if !price.is_some_and(|price| fresh(price.seen_at, MAX_VIEW_AGE)) {
        match broker.latest_price(symbol).await {
            Ok(last) => {
                let mut conn = env.pool.acquire().await?;
                broker_state::store_price(&mut conn, symbol, last.price, last.at).await?;
            }
            Err(error) => debug!(%error, "the price of {symbol} could not be read"),
        }
    }
    Ok(())
}

async fn note(env: &Environment, error: &BrokerError) -> Result<(), JobError> {
    debug!(%error, "the account could not be read");
    broker_state::note_error(&mut *env.pool.acquire().await?, &error.to_string()).await?;
    Ok(())
}
