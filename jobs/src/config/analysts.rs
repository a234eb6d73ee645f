//! The settings of the analysts: which models are asked, how, and for how much.

use std::time::Duration;

use http::Uri;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::ConfigError;

/// The providers there are.
const PROVIDERS: [&str; 2] = ["openai", "anthropic"];

/// See `[analysts]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Analysts {
    pub order: Vec<String>,
    pub timeout_ms: u64,
    pub cache_minutes: u64,
    pub openai: AnalystProvider,
    pub anthropic: AnalystProvider,
}

/// See `[analysts.openai]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct AnalystProvider {
    pub base_url: String,
    pub key: Option<SecretString>,
    pub model: String,
    pub requests_per_minute: u32,
    pub concurrent: u32,
    pub daily_tokens: u64,
    pub daily_cost_usd: Decimal,
    pub input_price_usd: Decimal,
    pub output_price_usd: Decimal,
}

impl AnalystProvider {
    /// Returns the key; `None` when the provider is not to be asked. An empty setting is none.
    pub fn key(&self) -> Option<&SecretString> {
        self.key.as_ref().filter(|key| !key.expose_secret().is_empty())
    }
}

impl Analysts {
    /// Returns the deadline of one attempt.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Returns how long a kept answer is used.
    pub fn cache(&self) -> Duration {
        Duration::from_mins(self.cache_minutes)
    }

    /// Returns the providers in the order in which they are asked, those without a key included.
    pub fn in_order(&self) -> impl Iterator<Item = (&'static str, &AnalystProvider)> {
        self.order.iter().filter_map(|name| match name.as_str() {
            "openai" => Some(("openai", &self.openai)),
            "anthropic" => Some(("anthropic", &self.anthropic)),
            _ => None,
        })
    }

    /// Refuses an order that names nobody or somebody twice, an address that can't be used, one
    /// that would send a key in the clear, and senseless money.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |message: String| Err(ConfigError::Analysts(message));
        for (at, name) in self.order.iter().enumerate() {
            if !PROVIDERS.contains(&name.as_str()) {
                return refuse(format!("analysts.order names {name:?}, which is none of {PROVIDERS:?}"));
            }
            if self.order[..at].contains(name) {
                return refuse(format!("analysts.order names {name:?} twice"));
            }
        }
        for (name, provider) in [("openai", &self.openai), ("anthropic", &self.anthropic)] {
            address(name, provider)?;
            if provider.model.trim().is_empty() {
                return refuse(format!("analysts.{name}.model is empty"));
            }
            for (key, value) in [
                ("daily_cost_usd", provider.daily_cost_usd),
                ("input_price_usd", provider.input_price_usd),
                ("output_price_usd", provider.output_price_usd),
            ] {
                if value < Decimal::ZERO || value > Decimal::from(1_000_000) {
                    return refuse(format!(
                        "analysts.{name}.{key} = {value} is not allowed: must be from 0 to 1000000"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn address(name: &str, provider: &AnalystProvider) -> Result<(), ConfigError> {
    let key = format!("analysts.{name}.base_url");
    let url = &provider.base_url;
    let refuse = |why: &str| ConfigError::Analysts(format!("{key} = {url:?} is not allowed: {why}"));
    let uri: Uri = url.parse().map_err(|error| refuse(&format!("{error}")))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || uri.query().is_some() {
        return Err(ConfigError::Analysts(format!("{key} must have no user and no query")));
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match uri.scheme_str() {
        _ if host.is_empty() => Err(refuse("must begin with https:// and a host")),
        Some("https") => Ok(()),
        // A model on the own network, or the sandbox.
        Some("http") if !host.ends_with("openai.com") && !host.ends_with("anthropic.com") => Ok(()),
        Some("http") => Err(refuse("it would send the key in the clear")),
        _ => Err(refuse("must begin with https:// or http://")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn shipped() -> Analysts {
        Config::for_profile("test", false).expect("the test profile is valid").analysts
    }

    fn openai(change: impl FnOnce(&mut AnalystProvider)) -> Analysts {
        let mut analysts = shipped();
        change(&mut analysts.openai);
        analysts
    }

    #[test]
    fn nobody_has_a_key_as_shipped_and_an_empty_key_is_none() {
        let shipped = shipped();
        shipped.check().expect("no model is fine");
        assert!(shipped.in_order().all(|(_, provider)| provider.key().is_none()));
        assert_eq!(shipped.in_order().map(|(name, _)| name).collect::<Vec<_>>(), ["openai", "anthropic"]);
        assert!(openai(|p| p.key = Some("".into())).openai.key().is_none());
        assert!(openai(|p| p.key = Some("sk-1".into())).openai.key().is_some());
    }

    #[test]
    fn contradictions_are_refused_and_say_which() {
        let order = |names: &[&str]| Analysts {
            order: names.iter().map(|name| (*name).to_owned()).collect(),
            ..shipped()
        };
        for (analysts, expected) in [
            (order(&["openai", "oracle"]), "names \"oracle\""),
            (order(&["openai", "openai"]), "\"openai\" twice"),
            (openai(|p| p.base_url = "http://api.openai.com/v1".into()), "in the clear"),
            (openai(|p| p.base_url = "ftp://x".into()), "must begin with https"),
            (openai(|p| p.base_url = "models".into()), "must begin with https"),
            (openai(|p| p.base_url = "https://u:p@h".into()), "must have no user"),
            (openai(|p| p.model = " ".into()), "analysts.openai.model"),
            (openai(|p| p.daily_cost_usd = Decimal::NEGATIVE_ONE), "daily_cost_usd = -1"),
        ] {
            let error = analysts.check().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error:?} says {expected:?}");
            assert!(!error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn the_keys_are_not_shown() {
        let shown = format!("{:?}", openai(|p| p.key = Some("sk-planted".into())));
        assert!(!shown.contains("sk-planted"), "{shown}");
    }
}
