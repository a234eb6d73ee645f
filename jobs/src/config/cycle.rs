//! The settings of autonomous cycles.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;

/// See `[cycle]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Cycle {
    pub max_symbols: usize,
    pub quote_max_age_s: u32,
    pub bars_max_age_s: u32,
    pub analyses_at_once: usize,
    pub source_timeout_ms: u64,
    pub analyst_timeout_ms: u64,
}

impl Cycle {
    /// Returns the age beyond which a quote is not acted on.
    pub fn quote_max_age(&self) -> TimeDelta {
        TimeDelta::seconds(self.quote_max_age_s.into())
    }

    /// Returns the age beyond which bars are asked for again.
    pub fn bars_max_age(&self) -> TimeDelta {
        TimeDelta::seconds(self.bars_max_age_s.into())
    }

    /// Returns how long data of others is waited for.
    pub fn source_timeout(&self) -> Duration {
        Duration::from_millis(self.source_timeout_ms)
    }

    /// Returns how long an analyst is waited for.
    pub fn analyst_timeout(&self) -> Duration {
        Duration::from_millis(self.analyst_timeout_ms)
    }
}
