//! Asks every connector something cheap, and keeps how they are found; of models, which are paid for,
//! by the calls that were made anyway.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    connector::KNOWN,
    db::{broker_state, connectors, quarantine},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, FencedError, JobError},
};

/// From this share of successes in a week on, a connector is well; and from the other, of use.
const WELL: Decimal = Decimal::from_parts(95, 0, 0, false, 2);
const OF_USE: Decimal = Decimal::from_parts(70, 0, 0, false, 2);
/// Counts and bad answers are kept for so many days.
const KEPT_DAYS: i32 = 30;
/// The most bad answers that one run forgets.
const PRUNED: i64 = 1000;

/// The payload.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProbeConnectors {}

impl Job for ProbeConnectors {
    const KIND: &'static str = "probe_connectors";
    const QUEUE: &'static str = "data";

    fn unique_key(&self) -> Option<String> {
        Some("all".into())
    }
}

impl Handler for ProbeConnectors {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) },
        max_failures: 2,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        if !env.connectors.any() {
            return Ok(Success::Output(json!({ "skipped": "this process has no connectors" })));
        }
        let now = Utc::now();
        let mut conn = env.pool.acquire().await?;
        let market = broker_state::state(&mut conn).await?.market_time(now).unwrap_or(now);
        drop(conn);
        let probed = env.connectors.probe(market).await;
        env.connectors.flush().await;

        let mut tx = env.pool.begin().await?;
        ctx.hold(&mut tx).await?;
        let shares = connectors::success_shares(&mut tx).await?;
        let mut found = Map::new();
        for one in &probed {
            let failing = matches!(one.outcome, Some(Err(_)));
            let status = status(shares.get(one.connector).copied(), failing);
            connectors::record_probe(&mut tx, one, status).await?;
            found.insert(one.connector.to_owned(), Value::from(status));
        }
        let called = connectors::called_models(&mut tx).await?;
        for known in KNOWN.iter().filter(|known| known.category == "ai") {
            let called = called.iter().find(|called| called.connector == known.id);
            let failing = called.is_some_and(|called| called.error_at > called.ok_at);
            let status = status(called.map(|called| called.share), failing);
            let has_key = env.config.analysts.in_order().any(|(id, of)| id == known.id && of.key().is_some());
            connectors::record_calls(&mut tx, known.id, has_key, called, status).await?;
            found.insert(known.id.to_owned(), Value::from(status));
        }
        connectors::prune(&mut tx, KEPT_DAYS).await?;
        quarantine::prune(&mut tx, KEPT_DAYS, PRUNED).await?;
        tx.commit().await.map_err(FencedError::from)?;
        Ok(Success::Output(found.into()))
    }
}

/// Returns the status that follows from the share of successes and the last probe.
fn status(share: Option<Decimal>, failing: bool) -> &'static str {
    match share {
        None => "unknown",
        Some(share) if share >= WELL && !failing => "active",
        Some(share) if share >= OF_USE => "degraded",
        Some(_) => "inactive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_follows_from_the_week_and_a_failing_probe_takes_the_best_away() {
        let share = |text: &str| Some(text.parse::<Decimal>().expect("a share"));
        for (share, failing, expected) in [
            (None, false, "unknown"),
            (None, true, "unknown"),
            (share("1"), false, "active"),
            (share("0.95"), false, "active"),
            (share("0.95"), true, "degraded"),
            (share("0.9499"), false, "degraded"),
            (share("0.70"), true, "degraded"),
            (share("0.6999"), false, "inactive"),
        ] {
            assert_eq!(status(share, failing), expected, "{share:?} {failing}");
        }
    }
}
