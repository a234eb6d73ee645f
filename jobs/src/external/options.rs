//! How a provider is reached, and how much is asked of it.

use std::time::Duration;

use http::HeaderName;
use secrecy::SecretString;

/// The way to one provider.
#[derive(Debug, Clone)]
pub struct ExternalOptions {
    /// The provider's name, in metrics, logs and the shared tables.
    pub provider: &'static str,
    /// This process's name, as `host:pid`.
    pub process: String,
    /// Scheme, host and perhaps a path that every path is appended to: `https://host/prefix`.
    pub base_url: String,
    /// Headers that authenticate; their values are never shown.
    pub secret_headers: Vec<(HeaderName, SecretString)>,
    /// The deadline of one attempt: connection, headers and body together.
    pub timeout: Duration,
    /// How often a repeatable request is sent again.
    pub retries: usize,
    /// The longest body that is read, in bytes.
    pub body_limit: usize,
    /// What the whole fleet may ask.
    pub limit: Limit,
    /// When calls are stopped, and for how long.
    pub breaker: BreakerOptions,
}

/// What the fleet may ask of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Most requests in any minute, however they are spread.
    pub per_minute: u32,
    /// Most requests at once; a fifth of them only for [`Urgent`](super::Priority::Urgent) calls.
    /// The rest of `per_minute` grows back evenly.
    pub burst: u32,
    /// How long a call waits for a permit before it is told to come back later.
    pub patience: Duration,
}

/// When a breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// So many failures in a row open it.
    pub failures: u32,
    /// Two failures in a row open it, too, when they are so far apart: with little traffic it
    /// would otherwise take long to notice an outage.
    pub apart: Duration,
    /// The first time it stays open.
    pub first_pause: Duration,
    /// The longest time it stays open; each failed probe doubles the time up to this.
    pub longest_pause: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failures: 5,
            apart: Duration::from_millis(1500),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(5),
        }
    }
}
