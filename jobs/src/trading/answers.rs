//! What a broker's answer means for the job that asked.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    broker::{Broker, BrokerError},
    environment::Environment,
    queue::JobError,
};

/// The wait when the broker can't be reached and nobody knows for how long.
const UNREACHABLE: Duration = Duration::from_secs(1);
/// The least and the longest wait until a moment that the broker named.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));
/// How often a process without a broker looks for one: settings change with a restart.
const NO_BROKER: Duration = Duration::from_secs(30);

/// Returns the broker; a process without one leaves the job to others.
pub(crate) fn broker(env: &Environment) -> Result<&dyn Broker, JobError> {
    env.broker.as_deref().ok_or(JobError::Snooze(NO_BROKER))
}

/// Sorts the failure of a question, or of a request that may be repeated. Waiting for the broker
/// counts as no failure.
pub(crate) fn broker_error(error: BrokerError) -> JobError {
    match error {
        BrokerError::RateLimited { until: at } => JobError::Snooze(until(Some(at))),
        BrokerError::NotSent { retry_at, .. } => JobError::Snooze(until(retry_at)),
        BrokerError::Refused(refusal) => JobError::retryable("BROKER_REFUSED", refusal),
        BrokerError::Unknown { reason } => JobError::retryable("BROKER_UNKNOWN", reason),
        BrokerError::Malformed { reason } => JobError::retryable("BROKER_MALFORMED", reason),
    }
}

/// Returns the wait until `at`, within bounds.
pub(crate) fn until(at: Option<DateTime<Utc>>) -> Duration {
    let wait = at.map_or(UNREACHABLE, |at| (at - Utc::now()).to_std().unwrap_or_default());
    wait.clamp(WAITS.0, WAITS.1)
}
