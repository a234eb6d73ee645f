//! Settings: the defaults, then the profile's file, then the environment.
//!
//! `config/default.toml` documents every key; unknown keys are refused, so that a
//! misspelt one is noticed at start. Secrets have no default and are never logged.

mod analysts;
mod broker;
mod connectors;
mod cycle;
mod ranges;

use std::{collections::BTreeMap, time::Duration};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use secrecy::SecretString;
use serde::Deserialize;

pub use analysts::{AnalystProvider, Analysts};
pub use broker::Broker;
pub use connectors::{Connectors, DataProvider};
pub use cycle::Cycle;

const DEFAULTS: &str = include_str!("../../config/default.toml");
const PROFILES: [(&str, &str); 3] = [
    ("development", include_str!("../../config/development.toml")),
    ("production", include_str!("../../config/production.toml")),
    ("test", include_str!("../../config/test.toml")),
];

/// All settings of a process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database and how it is reached.
    pub database: Database,
    /// The HTTP API.
    pub api: Api,
    /// Sign-in throttling.
    pub auth: Auth,
    /// The queue's clocks and sizes.
    pub queue: Queue,
    /// The worker process.
    pub worker: Worker,
    /// Back-test jobs.
    pub backtest: Backtest,
    /// The broker, and how it is reached.
    pub broker: Broker,
    /// Who is asked for data, and how often.
    pub connectors: Connectors,
    /// The analysts, and what they may cost.
    pub analysts: Analysts,
    /// Autonomous cycles.
    pub cycle: Cycle,
    /// Logging.
    pub log: Log,
}

/// See `[database]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Database {
    pub url: Option<SecretString>,
    pub direct_url: Option<SecretString>,
    pub max_connections: u32,
    pub acquire_timeout_ms: u64,
    pub statement_timeout_ms: u64,
}

/// See `[api]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Api {
    pub listen: String,
    pub signup_status: u16,
    pub password_policy: PasswordPolicy,
    pub secure_cookies: bool,
    pub session_days: i64,
    pub session_idle_hours: i64,
    pub body_limit_bytes: usize,
    pub request_timeout_ms: u64,
    pub max_connections: usize,
    pub max_sockets: usize,
    pub header_timeout_ms: u64,
    pub max_streams_per_user: usize,
    pub metrics: Switch,
    pub run_wait_ms: u64,
    pub analysis_wait_ms: u64,
    pub trust_forwarded_for: bool,
}

/// Whether something is offered at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It is.
    On,
    /// It answers as if it did not exist.
    Off,
}

/// How demanding the password check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordPolicy {
    /// Ten characters of four classes, not guessable.
    Strict,
    /// Six characters, for old clients and tests.
    Lenient,
}

/// See `[auth]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Auth {
    pub free_failures: i32,
    pub free_failures_account: i32,
    pub free_failures_address: i32,
    pub base_delay_ms: i64,
    pub max_delay_ms: i64,
    pub max_delay_address_ms: i64,
    pub decay_s: i64,
    pub forget_after_s: i64,
}

/// See `[queue]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Queue {
    pub lease_ms: u64,
    pub rescue_interval_ms: u64,
    pub poll_interval_ms: u64,
    pub cancel_poll_ms: u64,
    pub crash_budget: i32,
    pub claim_batch: usize,
    pub flush_ms: u64,
    pub flush_batch: usize,
    pub cancel_grace_ms: u64,
    pub retention_days: i32,
}

impl Queue {
    /// Returns the length of a lease.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

/// See `[worker]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Worker {
    pub grace_ms: u64,
    pub metrics_listen: String,
    pub exercise: bool,
    pub queues: BTreeMap<String, usize>,
}

/// See `[backtest]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Backtest {
    pub reuse: bool,
    pub max_bars: u64,
    pub max_unfinished_per_user: i64,
    pub pace_bars_per_s: u64,
}

/// See `[log]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value is missing, unknown or of the wrong type.
    #[error("configuration: {0}")]
    Invalid(#[from] Box<figment::Error>),
    /// `CAPSTAN_PROFILE` names no profile.
    #[error("configuration: unknown profile {0:?}: use development, production or test")]
    UnknownProfile(String),
    /// The settings of the broker contradict each other, or would trade where nobody meant to.
    #[error("configuration: {0}")]
    Broker(String),
    /// The settings of a connector can't be used.
    #[error("configuration: {0}")]
    Connector(String),
    /// The settings of the analysts contradict each other.
    #[error("configuration: {0}")]
    Analysts(String),
    /// A number is out of its range.
    #[error("configuration: {key} = {value} is not allowed: must be from {least} to {most}")]
    OutOfRange {
        /// The key, with its section.
        key: String,
        /// The refused value.
        value: i128,
        /// The least that is allowed.
        least: i128,
        /// The most that is allowed.
        most: i128,
    },
}

impl Config {
    /// Reads the settings of this process from the files compiled in and the environment.
    pub fn load() -> Result<Self, ConfigError> {
        let profile = std::env::var("CAPSTAN_PROFILE").unwrap_or_else(|_| "development".into());
        Self::for_profile(&profile, true)
    }

    /// Returns the settings of `profile`; the environment counts only if `with_env`.
    pub fn for_profile(profile: &str, with_env: bool) -> Result<Self, ConfigError> {
        let (_, overrides) = PROFILES
            .iter()
            .find(|(name, _)| *name == profile)
            .ok_or_else(|| ConfigError::UnknownProfile(profile.to_owned()))?;
        let mut figment = Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(overrides));
        if with_env {
            figment = figment.merge(Env::prefixed("CAPSTAN__").split("__"));
            if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
                figment = figment.merge(("database.url", url));
            }
        }
        let config: Self = figment.extract().map_err(Box::new)?;
        ranges::check(&config)?;
        config.broker.check()?;
        config.connectors.check()?;
        config.analysts.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_loads() {
        for (name, _) in PROFILES {
            Config::for_profile(name, false).expect("a profile in the tree is valid");
        }
    }

    #[test]
    fn an_unknown_profile_is_named() {
        let error = Config::for_profile("prod", false).expect_err("there is no such profile");
        assert!(error.to_string().contains("\"prod\""), "{error}");
    }
}
