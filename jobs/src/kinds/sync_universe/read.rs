//! What can be found out about one asset. Who gives nothing is named, and leaves the row as it is.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::universe::{Liquidity, liquidity};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    connector::SourceError,
    db::{
        bars,
        universe::{Listing, SHIPPED},
    },
    environment::Environment,
    kinds::score_sentiment::market_time,
    queue::JobError,
};

/// The longest that one source may take, whoever is asked.
const PATIENCE: Duration = Duration::from_secs(20);
/// Sessions that liquidity is the mean of.
const SESSIONS: usize = 20;
/// The shipped bars of so many days are enough for that.
const SHIPPED_DAYS: i64 = 60;

/// What the broker says of an asset.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) enum Heard {
    /// Nothing.
    #[default]
    Nothing,
    /// It knows no such asset.
    Unlisted,
    /// It lists it.
    Listed(Listing),
}

/// What was found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Found {
    /// What the broker says of it.
    pub(super) listing: Heard,
    /// How liquid it is, and by whose bars.
    pub(super) liquidity: Option<(Liquidity, String)>,
    /// Growth, margin, leverage and dilution.
    pub(super) figures: Option<[Option<Decimal>; 4]>,
    /// Who gave nothing, and why.
    pub(super) missing: Vec<String>,
}

/// Reads all that is known of `symbol` elsewhere.
pub(super) async fn read(env: &Environment, symbol: &str) -> Result<Found, JobError> {
    let now = market_time(env).await?;
    let mut found = Found::default();
    listing(env, symbol, &mut found).await;
    trading(env, symbol, now, &mut found).await?;
    match timeout(PATIENCE, env.connectors.company(symbol, now)).await {
        Ok(Ok(given)) => {
            let value = given.value;
            found.figures =
                Some([value.revenue_growth, value.operating_margin, value.debt_to_equity, value.dilution]);
        }
        Ok(Err(error)) => found.missing.push(error.to_string()),
        Err(_) => found.missing.push(format!("no company figures within {PATIENCE:?}")),
    }
    Ok(found)
}

async fn listing(env: &Environment, symbol: &str, found: &mut Found) {
    let Some(broker) = &env.broker else {
        found.missing.push("no broker is configured for its listing".to_owned());
        return;
    };
    match timeout(PATIENCE, broker.asset(symbol)).await {
        Ok(Ok(asset)) => {
            found.listing = asset.map_or(Heard::Unlisted, |asset| {
                Heard::Listed(Listing {
                    name: asset.name,
                    exchange: asset.exchange,
                    asset_class: asset.class,
                    tradable: asset.tradable && asset.active,
                })
            });
        }
        Ok(Err(error)) => found.missing.push(format!("the broker said nothing of its listing: {error}")),
        Err(_) => found.missing.push(format!("no listing from the broker within {PATIENCE:?}")),
    }
}

async fn trading(
    env: &Environment,
    symbol: &str,
    now: DateTime<Utc>,
    found: &mut Found,
) -> Result<(), JobError> {
    let asked = timeout(PATIENCE, env.connectors.daily_bars(symbol, SESSIONS, now)).await;
    let (series, source) = match asked {
        Ok(Ok(given)) => (given.value, given.provider),
        Ok(Err(error @ SourceError::Nobody { .. })) => {
            found.missing.push(format!("{error}: taken from the shipped bars"));
            let mut conn = env.pool.acquire().await?;
            let to = now.date_naive();
            let from = to - TimeDelta::days(SHIPPED_DAYS);
            (bars::series(&mut conn, symbol, from, to).await?, SHIPPED)
        }
        Ok(Err(error)) => {
            found.missing.push(error.to_string());
            return Ok(());
        }
        Err(_) => {
            found.missing.push(format!("no daily bars within {PATIENCE:?}"));
            return Ok(());
        }
    };
    match liquidity(&series, SESSIONS, None) {
        Some(liquidity) => found.liquidity = Some((liquidity, source.to_owned())),
        None => found.missing.push(format!("{} bars of {source} are too few", series.len())),
    }
    Ok(())
}
