//! How each connector stands: the catalogue, held against what workers wrote down.

use std::collections::HashMap;

use jobs::{
    connector::Known,
    db::{
        connectors::{self, ConnectorState},
        data_views::{self, Share},
    },
};
use sqlx::PgConnection;

use super::catalogue;
use crate::{error::ApiResult, state::AppState};

/// The days whose calls a status is made from, today included.
pub(in crate::routes) const DAYS: i32 = 7;
/// From this share of good calls on, a feed is active; and degraded from the second on.
const ACTIVE: f64 = 0.95;
const DEGRADED: f64 = 0.70;

/// A connector, as workers find it.
#[derive(Debug, Clone)]
pub(in crate::routes) struct Seen {
    /// What it is.
    pub(in crate::routes) known: &'static Known,
    /// Whether this platform has it.
    pub(in crate::routes) ours: bool,
    /// What workers said of it, if they did.
    pub(in crate::routes) row: Option<ConnectorState>,
    /// What became of its calls, if there were any.
    pub(in crate::routes) share: Option<Share>,
    /// How much is kept of its answers.
    pub(in crate::routes) cached: i64,
    /// Whether this deployment has a key for it, in so far as it is known here.
    pub(in crate::routes) has_key: bool,
}

/// Reads every connector of the catalogue, in its order.
pub(in crate::routes) async fn read(conn: &mut PgConnection, state: &AppState) -> ApiResult<Vec<Seen>> {
    let mut rows: HashMap<_, _> = by_id(connectors::states(conn).await?, |row| row.connector.clone());
    let mut shares: HashMap<_, _> =
        by_id(data_views::shares(conn, DAYS).await?, |share| share.connector.clone());
    for share in data_views::llm_shares(conn, DAYS).await? {
        shares.entry(share.connector.clone()).or_insert(share);
    }
    let kept = by_id(data_views::keeping(conn).await?, |kept| kept.provider.clone());
    let analysts = &state.config.analysts;
    let seen = catalogue::all().map(|(known, ours)| {
        let row = rows.remove(known.id).filter(|_| ours);
        Seen {
            has_key: match known.id {
                // Nobody probes models: whether there is a key is known from the settings alone.
                "openai" => analysts.openai.key().is_some(),
                "anthropic" => analysts.anthropic.key().is_some(),
                "alpaca" if state.config.broker.key.is_some() => true,
                _ => row.as_ref().is_some_and(|row| row.has_key),
            },
            share: shares.remove(known.id).filter(|_| ours),
            cached: kept.get(known.id).map_or(0, |kept| kept.entries),
            known,
            ours,
            row,
        }
    });
    Ok(seen.collect())
}

fn by_id<T>(rows: Vec<T>, id: impl Fn(&T) -> String) -> HashMap<String, T> {
    rows.into_iter().map(|row| (id(&row), row)).collect()
}

impl Seen {
    /// Returns whether it may be asked; what workers have said nothing of yet may.
    pub(in crate::routes) fn enabled(&self) -> bool {
        self.ours && self.row.as_ref().is_none_or(|row| row.enabled)
    }

    /// Returns how the last look found it: `active`, `degraded`, `inactive` or `unknown`. Of one
    /// that nobody has looked at, its calls speak.
    pub(in crate::routes) fn found(&self) -> &str {
        if !self.enabled() {
            return "inactive";
        }
        match self.row.as_ref().map(|row| row.status.as_str()) {
            None | Some("unknown") => status(self.share.as_ref()),
            Some(word) => word,
        }
    }

    /// Returns the word that its calls of the last days speak, see [`status`].
    pub(in crate::routes) fn by_calls(&self) -> &'static str {
        if self.enabled() { status(self.share.as_ref()) } else { "inactive" }
    }

    /// Returns what was last wrong, and when, as it is known from the last look or from calls.
    pub(in crate::routes) fn last_error(&self) -> Option<(&str, Option<chrono::DateTime<chrono::Utc>>)> {
        let looked = self.row.as_ref().and_then(|row| Some((row.last_error.as_deref()?, row.last_error_at)));
        let called =
            self.share.as_ref().and_then(|share| Some((share.last_error.as_deref()?, share.last_error_at)));
        [looked, called].into_iter().flatten().max_by_key(|(_, at)| *at)
    }
}

/// Returns `active` from 95 % good calls on, `degraded` from 70 % on, else `inactive`; `unknown`
/// without calls.
pub(in crate::routes) fn status(share: Option<&Share>) -> &'static str {
    match share.and_then(success_rate) {
        None => "unknown",
        Some(rate) if rate >= ACTIVE => "active",
        Some(rate) if rate >= DEGRADED => "degraded",
        Some(_) => "inactive",
    }
}

/// Returns the share of good calls among those that are decided, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "numbers of calls of a few days")]
pub(in crate::routes) fn success_rate(share: &Share) -> Option<f64> {
    let decided = share.succeeded + share.failed;
    (decided > 0).then(|| share.succeeded as f64 / decided as f64)
}

#[cfg(test)]
pub(in crate::routes) mod tests {
    use super::*;

    /// Returns a share of so many good and bad calls.
    pub(in crate::routes) fn share(succeeded: i64, failed: i64) -> Share {
        Share {
            connector: "polygon".into(),
            requests: succeeded + failed,
            succeeded,
            failed,
            rate_limited: 0,
            quarantined: 0,
            fallbacks: 0,
            latency_sum_ms: 0,
            latency_max_ms: 0,
            last_error: None,
            last_error_at: None,
        }
    }

    #[test]
    fn a_feed_is_as_good_as_its_calls() {
        for (succeeded, failed, word) in [
            (95, 5, "active"),
            (100, 0, "active"),
            (94, 6, "degraded"),
            (70, 30, "degraded"),
            (69, 31, "inactive"),
            (0, 1, "inactive"),
            (0, 0, "unknown"),
        ] {
            assert_eq!(status(Some(&share(succeeded, failed))), word, "{succeeded} {failed}");
        }
        assert_eq!(status(None), "unknown");
    }

    #[test]
    fn what_is_switched_off_or_not_ours_is_inactive_whatever_its_calls_say() {
        let row = ConnectorState {
            connector: "polygon".into(),
            enabled: false,
            status: "active".into(),
            has_key: true,
            last_checked_at: None,
            last_ok_at: None,
            latency_ms: None,
            last_error: None,
            last_error_at: None,
            changed_by: None,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        };
        let named = |id| catalogue::all().find(|(known, _)| known.id == id).expect("clients name it");
        let (polygon, gdelt) = (named("polygon"), named("gdelt"));
        for ((known, ours), row, word) in [
            (polygon, Some(row.clone()), "inactive"),
            (polygon, Some(ConnectorState { enabled: true, ..row.clone() }), "active"),
            (polygon, Some(ConnectorState { enabled: true, status: "unknown".into(), ..row }), "degraded"),
            (polygon, None, "degraded"),
            (gdelt, None, "inactive"),
        ] {
            let seen = Seen { known, ours, row, share: Some(share(8, 2)), cached: 0, has_key: true };
            assert_eq!(seen.found(), word, "{seen:?}");
        }
    }
}
