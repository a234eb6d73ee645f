//! How an attempt can end, and how a job can.

use std::{fmt, time::Duration};

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Why a handler did not succeed, sorted by what the queue should do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Try again after the kind's backoff.
    #[error("{0}")]
    Retryable(Failure),
    /// Never try again.
    #[error("{0}")]
    Fatal(Failure),
    /// The effect outside may have happened, and nothing here can tell: somebody must decide.
    #[error("{0}")]
    Indeterminate(Failure),
    /// Not now: come back later, without counting an attempt.
    #[error("not now: again in {0:?}")]
    Snooze(Duration),
    /// The handler noticed its interruption and stopped.
    #[error("interrupted")]
    Interrupted,
}

/// What went wrong: a class for machines, words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable upper-case code.
    pub class: String,
    /// What happened, with the values.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl Failure {
    fn new(class: impl Into<String>, message: &impl fmt::Display) -> Self {
        // Postgres stores no NUL in text; a message must not make its own record fail.
        Self { class: class.into(), message: message.to_string().replace('\0', "\u{fffd}") }
    }

    /// Returns a hash under which alike failures are grouped: digits do not count.
    pub fn fingerprint(&self) -> String {
        let shape: String = self.message.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        hex::encode(&Sha256::digest(format!("{}\n{shape}", self.class))[..8])
    }
}

impl JobError {
    /// Builds a failure that is worth another attempt.
    pub fn retryable(class: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::Retryable(Failure::new(class, &message))
    }

    /// Builds a failure after which nobody knows whether the effect happened.
    pub fn indeterminate(class: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::Indeterminate(Failure::new(class, &message))
    }

    /// Builds a failure that no attempt will mend.
    pub fn fatal(class: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::Fatal(Failure::new(class, &message))
    }
}

impl From<sqlx::Error> for JobError {
    /// A database that did not answer may answer the next attempt.
    fn from(error: sqlx::Error) -> Self {
        Self::retryable("DATABASE", error)
    }
}

/// The end of a job whose handler will not run again, as its kind is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The state it ends in.
    pub state: EndState,
    /// The class of the last failure, or `CANCELLED`.
    pub class: String,
    /// What happened.
    pub message: String,
}

/// The states in which a job ends without its handler's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndState {
    /// Failed for good.
    Discarded,
    /// Stopped on request.
    Cancelled,
    /// Lost its process too often; an operator decides.
    Quarantined,
    /// Not started before its time was over.
    Expired,
}

impl EndState {
    /// Returns the state of the row in `queue.finished`.
    pub(super) fn terminal(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Discarded | Self::Quarantined | Self::Expired => "discarded",
        }
    }
}

/// What an operator, or a probe, made of a job, as its kind is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    /// The effect of its indeterminate attempt happened: it is completed, without its handler's word.
    Completed {
        /// What the finished row keeps.
        output: Value,
    },
    /// Its kind had been told of its end, and now it runs again.
    Restarted {
        /// The job that runs: the same, or a new one in place of a finished one.
        job_id: Uuid,
    },
}

/// What the queue does with an attempt that ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Completed(Value),
    /// The handler's own transaction finished the job.
    Recorded,
    Retry {
        failure: Failure,
        delay: Duration,
    },
    Snooze(Duration),
    GiveBack,
    Indeterminate(Failure),
    /// Ends the job; its kind is told in the same transaction.
    End(Ending),
    /// The attempt is stale: whatever it says is dropped.
    Stale,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_differ_in_numbers_share_a_fingerprint() {
        let failure = |message: &str| Failure { class: "X".into(), message: message.into() }.fingerprint();
        assert_eq!(failure("order 17 timed out after 5 s"), failure("order 92 timed out after 7 s"));
        assert_ne!(failure("order 17 timed out"), failure("order 17 refused"));
    }
}
