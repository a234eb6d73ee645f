//! A value with its provenance, or why there is none: who was asked, and what came of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A provider that gave nothing, and why the next one was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// The provider.
    pub provider: String,
    /// What came of asking it.
    pub reason: String,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who gave it.
    pub provider: &'static str,
    /// When it was so.
    pub as_of: DateTime<Utc>,
    /// When it was asked for, by this machine's clock.
    pub fetched_at: DateTime<Utc>,
    /// Who was asked before, in order.
    pub fallbacks: Vec<Fallback>,
}

/// Why no provider gave usable data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nobody is configured for it, or all are switched off.
    #[error("no connector is configured for {what}")]
    Nobody {
        /// What was asked for.
        what: &'static str,
    },
    /// All were asked.
    #[error("no connector gave {what}: {}", .tried.iter().map(|t| format!("{}: {}", t.provider, t.reason)).collect::<Vec<_>>().join("; "))]
    Exhausted {
        /// What was asked for.
        what: &'static str,
        /// Who was asked, in order.
        tried: Vec<Fallback>,
    },
}
