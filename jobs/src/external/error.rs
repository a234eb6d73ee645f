//! What can come of a call besides an answer, by what the caller may do about it.

use chrono::{DateTime, Utc};

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExternalError {
    /// The provider understood and said no (4xx); the same request would be refused again.
    #[error("refused with {status}: {}", crate::external::error::cut(body))]
    Refused {
        /// The status of the answer.
        status: u16,
        /// The answer's body, as text; at most 64 KiB.
        body: String,
    },
    /// The allowance is used up, here or at the provider; nothing was done.
    #[error("no more requests allowed until {until}")]
    RateLimited {
        /// When to try again.
        until: DateTime<Utc>,
    },
    /// The breaker is open, or the shared allowance can't be reached: nothing was sent.
    #[error("not tried: {reason}")]
    Unavailable {
        /// Why not.
        reason: String,
        /// When it is worth another try.
        until: DateTime<Utc>,
    },
    /// No connection came about: nothing was sent.
    #[error("not sent: {reason}")]
    NotSent {
        /// What failed.
        reason: String,
    },
    /// It was sent, perhaps, and what became of it is not known: a timeout, a reset, a 5xx.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// What happened instead of an answer.
        reason: String,
    },
    /// It was sent, and the answer can't be trusted; what became of the request is not known.
    #[error("malformed answer: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The settings don't allow any call.
    #[error("configuration: {0}")]
    Config(String),
}

impl ExternalError {
    /// Returns whether the failure says something about the provider's health: it could not be
    /// reached, did not answer in time, or said that the fault is its own.
    pub fn counts_as_failure(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::Unknown { .. })
    }

    /// Returns whether the request certainly had no effect.
    pub fn nothing_was_done(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::RateLimited { .. }
                | Self::Unavailable { .. }
                | Self::NotSent { .. }
                | Self::Config(_)
        )
    }

    /// Returns whether the same request may succeed a moment later.
    pub(super) fn may_pass_soon(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::Unknown { .. } | Self::Malformed { .. })
    }

    /// Returns the outcome's label in the metrics.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::NotSent { .. } => "not_sent",
            Self::Unknown { .. } => "unknown",
            Self::Malformed { .. } => "malformed",
            Self::Config(_) => "config",
        }
    }
}

/// Returns the beginning of `text`, for a message.
pub(super) fn cut(text: &str) -> &str {
    match text.char_indices().nth(200) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
