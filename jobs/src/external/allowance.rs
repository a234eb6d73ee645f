//! Permits from the allowance that the whole fleet shares.

use std::time::Duration;

use chrono::Utc;
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use super::{ExternalError, Limit, Priority};
use crate::db::external_limits::{self, Allowance, Grant};

/// The longest that the database may take to give a permit.
const PATIENCE: Duration = Duration::from_secs(1);
/// When to come back after the database gave none.
const COME_BACK: Duration = Duration::from_secs(2);
/// The longest that a provider keeps the fleet away.
const LONGEST_BLOCK: Duration = Duration::from_mins(5);

/// Where calls to one provider take their permits.
#[derive(Debug)]
pub(super) struct Gate {
    provider: &'static str,
    limit: Limit,
    pool: PgPool,
}

impl Gate {
    pub(super) fn new(provider: &'static str, limit: Limit, pool: PgPool) -> Self {
        Self { provider, limit, pool }
    }

    /// Takes one permit, waiting for it while the patience lasts.
    pub(super) async fn take(&self, priority: Priority) -> Result<(), ExternalError> {
        let give_up = Instant::now() + self.limit.patience;
        loop {
            let wait = match timeout(PATIENCE, self.ask(priority)).await {
                Ok(Ok(Grant::Granted)) => return Ok(()),
                Ok(Ok(Grant::Used(wait))) if Instant::now() + wait <= give_up => wait,
                Ok(Ok(Grant::Used(wait) | Grant::Blocked(wait))) => {
                    return Err(ExternalError::RateLimited { until: Utc::now() + wait });
                }
                answer => {
                    let reason = match answer {
                        Ok(Err(error)) => error.to_string(),
                        _ => format!("no answer within {PATIENCE:?}"),
                    };
                    // What takes risk away must not wait for our own database.
                    if priority == Priority::Urgent {
                        let provider = self.provider;
                        warn!(
                            provider,
                            reason, "no permit for an urgent call to {provider}; calling without"
                        );
                        return Ok(());
                    }
                    return Err(ExternalError::Unavailable {
                        reason: format!(
                            "the shared allowance of {} can't be reached: {reason}",
                            self.provider
                        ),
                        until: Utc::now() + COME_BACK,
                    });
                }
            };
            sleep(wait).await;
        }
    }

    /// Tells the whole fleet to stay away for `wait`.
    pub(super) async fn block(&self, wait: Duration) {
        let (provider, wait) = (self.provider, wait.min(LONGEST_BLOCK));
        let block = async { external_limits::block(&mut *self.pool.acquire().await?, provider, wait).await };
        match timeout(PATIENCE, block).await {
            Ok(Ok(())) => warn!(provider, "{provider} has had enough requests; staying away for {wait:?}"),
            Ok(Err(error)) => {
                warn!(provider, %error, "could not tell the fleet to stay away from {provider}");
            }
            Err(_) => warn!(provider, "could not tell the fleet to stay away from {provider} in time"),
        }
    }

    async fn ask(&self, priority: Priority) -> sqlx::Result<Grant> {
        let allowance = allowance(self.limit, priority);
        external_limits::take(&mut *self.pool.acquire().await?, self.provider, 1, allowance).await
    }
}

/// Of the provider's number a minute, the burst comes at once and the rest grows back evenly: so
/// no minute, wherever it begins, sees more.
fn allowance(limit: Limit, priority: Priority) -> Allowance {
    let steady = limit.per_minute.saturating_sub(limit.burst).max(1);
    let ahead = match priority {
        Priority::Urgent => limit.burst,
        Priority::Normal => limit.burst - limit.burst / 5,
    };
    Allowance { interval: Duration::from_mins(1) / steady, ahead: ahead.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_burst_is_kept_for_the_urgent_and_no_minute_sees_more_than_the_limit() {
        let limit = Limit { per_minute: 200, burst: 50, patience: Duration::ZERO };
        let (normal, urgent) = (allowance(limit, Priority::Normal), allowance(limit, Priority::Urgent));
        assert_eq!((normal.ahead, urgent.ahead), (40, 50));
        assert_eq!(normal.interval, Duration::from_millis(400));
        assert!(Duration::from_mins(1).as_millis() / urgent.interval.as_millis() + 50 <= 200);
    }
}
