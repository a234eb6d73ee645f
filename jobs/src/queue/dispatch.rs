//! Runs one attempt and says how it ended: deadline, panic, interruption, result.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tracing::{Instrument, debug, error, info_span, warn};

use super::{
    claim::Claimed,
    context::Context,
    counters::Counters,
    lease::{Interrupt, Interruption},
    outcome::{EndState, Ending, Failure, JobError, Outcome},
};
use crate::{
    environment::Environment,
    handler::{Policy, Success},
    registry::{Entry, Registry},
};

/// What running attempts needs.
#[derive(Clone)]
pub(super) struct Dispatcher {
    pub(super) env: Arc<Environment>,
    pub(super) registry: Registry,
    pub(super) counters: Arc<Counters>,
}

impl Dispatcher {
    /// Runs `claimed` to its end.
    pub(super) async fn run(&self, claimed: Claimed, interrupt: Interrupt) -> Outcome {
        let span = info_span!("job", job.id = %claimed.fence.job_id, job.kind = %claimed.kind,
                              attempt = claimed.fence.attempt, trace.id = claimed.trace_id.as_deref());
        let running = self.counters.started(&claimed);
        let outcome = self.attempt(claimed, interrupt).instrument(span).await;
        self.counters.ended(&running, &outcome);
        outcome
    }

    async fn attempt(&self, claimed: Claimed, interrupt: Interrupt) -> Outcome {
        if let Some(reason) = claimed.cancelled {
            return cancelled(&reason);
        }
        if claimed.expired {
            return Outcome::End(Ending {
                state: EndState::Expired,
                class: "EXPIRED".into(),
                message: "it was not started in time".into(),
            });
        }
        // Interrupted before it began: the process stops, or the lease is gone.
        match interrupt.reason() {
            Some(Interruption::Cancelled(reason)) => return cancelled(reason),
            Some(Interruption::LeaseLost) => return Outcome::Stale,
            Some(Interruption::Shutdown) => return Outcome::GiveBack,
            None => {}
        }
        let Some(entry) = self.registry.get(&claimed.kind) else {
            // Claims ask for known kinds only.
            return Outcome::GiveBack;
        };
        let ctx = Context::new(
            claimed.fence,
            interrupt.clone(),
            self.env.pool.clone(),
            self.counters.clone(),
            claimed.trace_id,
            claimed.failures,
        );
        let result = self.supervise(entry, claimed.payload, ctx, &interrupt).await;
        judge(result, interrupt.reason(), entry.policy, claimed.failures, claimed.max_failures)
    }

    /// Runs the handler under its deadline; an interrupted one has a grace to return.
    async fn supervise(
        &self,
        entry: Entry,
        payload: Value,
        ctx: Context,
        interrupt: &Interrupt,
    ) -> Result<Success, JobError> {
        let grace = Duration::from_millis(self.env.config.queue.cancel_grace_ms);
        let handler = AssertUnwindSafe((entry.run)(payload, ctx, self.env.clone())).catch_unwind();
        let interrupted = async {
            interrupt.token().cancelled().await;
            sleep(grace).await;
        };
        tokio::select! {
            biased;
            ended = timeout(entry.policy.timeout, handler) => match ended {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(JobError::retryable("PANIC", words(&*panic))),
                Err(_) => Err(JobError::retryable(
                    "TIMEOUT", format!("the attempt took longer than {:?}", entry.policy.timeout))),
            },
            () = interrupted => {
                warn!("the handler did not stop within {grace:?} of being asked; it is dropped");
                Err(JobError::Interrupted)
            }
        }
    }
}

/// Sorts a result by what the queue does about it.
fn judge(
    result: Result<Success, JobError>,
    interruption: Option<&Interruption>,
    policy: Policy,
    failures: i32,
    max_failures: Option<i32>,
) -> Outcome {
    let error = match result {
        Ok(Success::Output(mut output)) => {
            without_nul(&mut output);
            return Outcome::Completed(output);
        }
        Ok(Success::Recorded) => return Outcome::Recorded,
        Err(error) => error,
    };
    // What an interrupted handler says of itself is a symptom; the interruption is the cause.
    match (interruption, error) {
        (Some(Interruption::Cancelled(reason)), _) => cancelled(reason),
        (Some(Interruption::LeaseLost), _) => Outcome::Stale,
        (Some(Interruption::Shutdown) | None, JobError::Fatal(failure)) => discarded(failure),
        (None | Some(Interruption::Shutdown), JobError::Indeterminate(failure)) => {
            error!(error = %failure, "the effect may have happened; somebody must decide");
            Outcome::Indeterminate(failure)
        }
        (Some(Interruption::Shutdown), _) | (None, JobError::Interrupted) => Outcome::GiveBack,
        (None, JobError::Snooze(delay)) => {
            debug!("snoozed for {delay:?}");
            Outcome::Snooze(delay)
        }
        (None, JobError::Retryable(failure)) => {
            let failures = failures + 1;
            if failures >= max_failures.unwrap_or(policy.max_failures) {
                return discarded(failure);
            }
            let delay = policy.backoff.delay(failures.unsigned_abs(), &mut rand::rng());
            warn!(error = %failure, "failed {failures} times; again in {delay:?}");
            Outcome::Retry { failure, delay }
        }
    }
}

/// What becomes of an attempt that a layer refused to run.
pub(super) fn refused(error: &JobError, claimed: &Claimed) -> Outcome {
    warn!(job.id = %claimed.fence.job_id, %error, "a layer refused the attempt; it is given back");
    Outcome::Snooze(Duration::from_secs(1))
}

fn discarded(failure: Failure) -> Outcome {
    warn!(error = %failure, "discarded");
    Outcome::End(Ending { state: EndState::Discarded, class: failure.class, message: failure.message })
}

fn cancelled(reason: &str) -> Outcome {
    Outcome::End(Ending { state: EndState::Cancelled, class: "CANCELLED".into(), message: reason.to_owned() })
}

fn words(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".into())
}

/// Postgres stores no NUL in JSON text; an output must not make its own record fail.
fn without_nul(value: &mut Value) {
    match value {
        Value::String(s) if s.contains('\0') => *s = s.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(map) => {
            if map.keys().any(|key| key.contains('\0')) {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, value)| (key.replace('\0', "\u{fffd}"), value))
                    .collect();
            }
            map.values_mut().for_each(without_nul);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Backoff;

    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(8) },
        max_failures: 3,
        timeout: Duration::from_secs(1),
    };

    fn name(outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Completed(_) => "completed",
            Outcome::Recorded => "recorded",
            Outcome::Retry { .. } => "retry",
            Outcome::Snooze(_) => "snooze",
            Outcome::Indeterminate(_) => "indeterminate",
            Outcome::GiveBack => "give back",
            Outcome::End(Ending { state: EndState::Cancelled, .. }) => "cancelled",
            Outcome::End(_) => "discarded",
            Outcome::Stale => "stale",
        }
    }

    #[test]
    fn an_interruption_outranks_what_the_handler_says() {
        let retry = || Err(JobError::retryable("X", "x"));
        let fatal = || Err(JobError::fatal("X", "x"));
        let unknown = || Err(JobError::indeterminate("X", "x"));
        let done = || Ok(Success::Output(Value::Null));
        let cancel = Interruption::Cancelled("enough".into());
        let cases = [
            (done(), None, 0, "completed"),
            (done(), Some(&cancel), 0, "completed"),
            (done(), Some(&Interruption::LeaseLost), 0, "completed"),
            (retry(), None, 0, "retry"),
            (retry(), None, 2, "discarded"),
            (retry(), Some(&cancel), 2, "cancelled"),
            (retry(), Some(&Interruption::Shutdown), 2, "give back"),
            (retry(), Some(&Interruption::LeaseLost), 0, "stale"),
            (unknown(), None, 2, "indeterminate"),
            (unknown(), Some(&Interruption::Shutdown), 0, "indeterminate"),
            (unknown(), Some(&Interruption::LeaseLost), 0, "stale"),
            (fatal(), None, 0, "discarded"),
            (fatal(), Some(&Interruption::Shutdown), 0, "discarded"),
            (fatal(), Some(&Interruption::LeaseLost), 0, "stale"),
            (Err(JobError::Snooze(Duration::ZERO)), None, 2, "snooze"),
            (Err(JobError::Interrupted), Some(&cancel), 0, "cancelled"),
            (Err(JobError::Interrupted), None, 2, "give back"),
        ];
        for (result, interruption, failures, expected) in cases {
            let said = format!("{result:?} under {interruption:?} after {failures}");
            assert_eq!(name(&judge(result, interruption, POLICY, failures, None)), expected, "{said}");
        }
    }

    #[test]
    fn a_jobs_own_limit_outranks_its_kinds() {
        let result = || Err(JobError::retryable("X", "x"));
        assert_eq!(name(&judge(result(), None, POLICY, 0, Some(1))), "discarded");
        assert_eq!(name(&judge(result(), None, POLICY, 7, Some(9))), "retry");
    }

    #[test]
    fn nul_is_replaced_wherever_it_hides() {
        let mut value = serde_json::json!({"a\0": ["b\0", {"c": "\0"}]});
        without_nul(&mut value);
        assert!(!value.to_string().contains("\\u0000"), "{value}");
    }
}
