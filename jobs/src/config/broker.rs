//! The broker's settings, and the contradictions among them that would cost money.

use std::time::Duration;

use http::Uri;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::ConfigError;

/// The host that trades with real money.
const LIVE_HOST: &str = "api.alpaca.markets";

/// See `[broker]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Broker {
    pub key: Option<SecretString>,
    pub secret: Option<SecretString>,
    pub live: bool,
    pub trading_url: String,
    pub data_url: String,
    pub stream_url: String,
    pub data_feed: String,
    pub timeout_ms: u64,
    pub requests_per_minute: u32,
    pub burst: u32,
    pub patience_ms: u64,
    pub stream_silence_ms: u64,
}

impl Broker {
    /// Returns the key's id and its secret; `None` when there is to be no broker.
    pub fn keys(&self) -> Option<(&SecretString, &SecretString)> {
        given(self.key.as_ref()).zip(given(self.secret.as_ref()))
    }

    /// Returns the deadline of one attempt.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Refuses half a key, an address that can't be used, and any doubt about whether real money
    /// is meant: that takes keys, `broker.live`, and the live address, all three.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |message: String| Err(ConfigError::Broker(message));
        if given(self.key.as_ref()).is_some() != given(self.secret.as_ref()).is_some() {
            return refuse("broker.key and broker.secret are only good together".into());
        }
        if self.live && self.keys().is_none() {
            return refuse("broker.live = true needs broker.key and broker.secret".into());
        }
        if self.burst >= self.requests_per_minute {
            return refuse(format!(
                "broker.burst = {} is not less than broker.requests_per_minute = {}",
                self.burst, self.requests_per_minute
            ));
        }
        let trading = host("broker.trading_url", &self.trading_url, ["https", "http"])?;
        let stream = host("broker.stream_url", &self.stream_url, ["wss", "ws"])?;
        host("broker.data_url", &self.data_url, ["https", "http"])?;
        for (key, (scheme, host)) in [("broker.trading_url", trading), ("broker.stream_url", stream)] {
            if self.live && host != LIVE_HOST {
                return refuse(format!("broker.live = true, but {key} names {host} and not {LIVE_HOST}"));
            }
            if self.live && !matches!(scheme.as_str(), "https" | "wss") {
                return refuse(format!("broker.live = true, but {key} is not encrypted"));
            }
            if !self.live && host == LIVE_HOST {
                return refuse(format!(
                    "{key} names {host}, which trades real money: that needs broker.live = true"
                ));
            }
        }
        Ok(())
    }
}

/// An empty setting is none: deployments often can't leave one out.
pub(super) fn given(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}

/// Returns the scheme and the host that `url` names, as they are compared.
pub(super) fn host(key: &str, url: &str, schemes: [&str; 2]) -> Result<(String, String), ConfigError> {
    let refuse = |why: &str| ConfigError::Broker(format!("{key} = {url:?} is not allowed: {why}"));
    let uri: Uri = url.parse().map_err(|error| refuse(&format!("{error}")))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || uri.query().is_some() {
        return Err(ConfigError::Broker(format!("{key} must have no user and no query")));
    }
    match (uri.scheme_str(), uri.host()) {
        (Some(scheme), Some(host)) if schemes.contains(&scheme) => {
            Ok((scheme.to_owned(), host.trim_end_matches('.').to_ascii_lowercase()))
        }
        _ => Err(refuse(&format!("must begin with {}:// or {}:// and a host", schemes[0], schemes[1]))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn paper() -> Broker {
        Config::for_profile("test", false).expect("the test profile is valid").broker
    }

    fn with_keys() -> Broker {
        Broker { key: Some("PK1".into()), secret: Some("hush-hush".into()), ..paper() }
    }

    fn live() -> Broker {
        Broker {
            live: true,
            trading_url: "https://api.alpaca.markets".into(),
            stream_url: "wss://api.alpaca.markets/stream".into(),
            ..with_keys()
        }
    }

    #[test]
    fn paper_without_keys_is_no_broker_and_real_money_takes_all_three() {
        paper().check().expect("no broker is fine");
        assert!(paper().keys().is_none());
        let empty = Broker { key: Some("".into()), secret: Some("".into()), ..paper() };
        empty.check().expect("empty settings are none");
        assert!(empty.keys().is_none() && with_keys().keys().is_some());
        with_keys().check().expect("paper with keys");
        live().check().expect("real money, meant");
    }

    #[test]
    fn contradictions_are_refused_and_say_which() {
        let url = |url: &str| url.to_owned();
        for (broker, expected) in [
            (Broker { secret: None, ..with_keys() }, "only good together"),
            (Broker { key: None, secret: None, ..live() }, "needs broker.key"),
            (Broker { live: false, ..live() }, "needs broker.live = true"),
            (Broker { trading_url: paper().trading_url, ..live() }, "broker.trading_url names paper-api"),
            (Broker { stream_url: paper().stream_url, ..live() }, "broker.stream_url names paper-api"),
            (Broker { trading_url: url("http://api.alpaca.markets"), ..live() }, "not encrypted"),
            (
                Broker { trading_url: url("https://API.alpaca.markets./"), ..paper() },
                "needs broker.live = true",
            ),
            (
                Broker { stream_url: url("wss://api.alpaca.markets/stream"), ..paper() },
                "needs broker.live = true",
            ),
            (Broker { data_url: url("ftp://x"), ..paper() }, "broker.data_url"),
            (Broker { trading_url: url("paper"), ..paper() }, "must begin with https"),
            (Broker { trading_url: url("https://u:p@h"), ..paper() }, "must have no user"),
            (Broker { burst: 200, ..paper() }, "broker.burst = 200"),
        ] {
            let error = broker.check().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error:?} says {expected:?}");
            assert!(!error.contains("hush-hush") && !error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn the_keys_are_not_shown() {
        let shown = format!("{:?}", with_keys());
        assert!(!shown.contains("PK1") && !shown.contains("hush-hush"), "{shown}");
    }
}
