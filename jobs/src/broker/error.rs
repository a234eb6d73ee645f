//! What can go wrong at a broker, by what the caller may do about it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// The broker understood and said no; the same request would be refused again.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The status of the answer, from 400 to 499.
    pub status: u16,
    /// The broker's number for the reason, if it gave one.
    pub code: Option<u32>,
    /// The broker's words.
    pub message: String,
    /// What else it said, such as `buying_power`.
    pub details: Map<String, Value>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (status {}", self.message, self.status)?;
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        f.write_str(")")
    }
}

/// Why a question to a broker, or a request that may be repeated, has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BrokerError {
    /// The broker said no.
    #[error("broker refused: {0}")]
    Refused(Refusal),
    /// Too many requests: come back then. Nothing was done.
    #[error("broker takes no more requests until {until}")]
    RateLimited {
        /// When to try again.
        until: DateTime<Utc>,
    },
    /// Nothing was sent: no connection, or the breaker is open.
    #[error("broker not reached: {reason}")]
    NotSent {
        /// Why not.
        reason: String,
        /// When another try makes sense, if that is known.
        retry_at: Option<DateTime<Utc>>,
    },
    /// No answer, or one that says nothing about what was done.
    #[error("no answer from broker: {reason}")]
    Unknown {
        /// What happened instead.
        reason: String,
    },
    /// An answer that can't be trusted.
    #[error("broker gave a malformed answer: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

/// What is known about an order that was to be placed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlaceError {
    /// The broker has an order with this client order id already: look it up, compare, adopt it.
    #[error("broker has this client order id already")]
    Duplicate,
    /// The broker said no, for good: the order does not exist.
    #[error("broker rejected the order: {0}")]
    Rejected(Refusal),
    /// Too many requests: the order was not taken; send it again then.
    #[error("broker takes no more requests until {until}")]
    RateLimited {
        /// When to try again.
        until: DateTime<Utc>,
    },
    /// The order never left: send it again.
    #[error("order not sent: {reason}")]
    NotSent {
        /// Why not.
        reason: String,
        /// When another try makes sense, if that is known.
        retry_at: Option<DateTime<Utc>>,
    },
    /// The order may or may not exist: look it up by its client order id.
    #[error("no answer from broker, order may exist: {reason}")]
    Unknown {
        /// What happened instead of an answer.
        reason: String,
    },
}

impl From<BrokerError> for PlaceError {
    /// A malformed answer leaves the outcome unknown: the order was sent.
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Refused(refusal) => Self::Rejected(refusal),
            BrokerError::RateLimited { until } => Self::RateLimited { until },
            BrokerError::NotSent { reason, retry_at } => Self::NotSent { reason, retry_at },
            BrokerError::Unknown { reason } | BrokerError::Malformed { reason } => Self::Unknown { reason },
        }
    }
}

/// Why a stream of order events ended or never began. Any event may have been missed since.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StreamError {
    /// No connection came about.
    #[error("no connection to the broker's stream: {reason}")]
    NotConnected {
        /// What failed.
        reason: String,
    },
    /// The broker does not accept the key; trying again won't help.
    #[error("the broker's stream refused the key")]
    Unauthorized,
    /// Nothing came for too long, not even an answer to a ping.
    #[error("the broker's stream was silent for {seconds} s")]
    Silent {
        /// For how long.
        seconds: u64,
    },
    /// The connection ended.
    #[error("the broker's stream ended: {reason}")]
    Closed {
        /// Why, as far as it is known.
        reason: String,
    },
    /// A message that can't be trusted. The connection is still there.
    #[error("malformed message from the broker's stream: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}
