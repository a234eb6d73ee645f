//! The settings of the connectors.

use secrecy::SecretString;
use serde::Deserialize;

use super::{
    ConfigError,
    broker::{given, host},
};

/// See `[connectors]` in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Connectors {
    pub quote_max_age_s: u32,
    pub patience_ms: u64,
    pub simulated: bool,
    pub polygon: DataProvider,
    pub yahoo: DataProvider,
    pub finnhub: DataProvider,
    pub fred: DataProvider,
    pub sec: DataProvider,
    pub finra: DataProvider,
}

/// One provider: see `[connectors.polygon]` and its like in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DataProvider {
    pub enabled: bool,
    pub base_url: String,
    pub www_url: Option<String>,
    pub key: Option<SecretString>,
    pub user_agent: Option<String>,
    pub requests_per_minute: u32,
    pub timeout_ms: u64,
}

impl DataProvider {
    /// Returns the key when the provider is enabled and has one.
    pub fn with_key(&self) -> Option<&SecretString> {
        given(self.key.as_ref()).filter(|_| self.enabled)
    }
}

impl Connectors {
    /// Returns the providers with the names of their sections.
    pub(super) fn providers(&self) -> [(&'static str, &DataProvider); 6] {
        let Self { polygon, yahoo, finnhub, fred, sec, finra, .. } = self;
        [
            ("polygon", polygon),
            ("yahoo", yahoo),
            ("finnhub", finnhub),
            ("fred", fred),
            ("sec", sec),
            ("finra", finra),
        ]
    }

    /// Refuses an address that can't be used, and EDGAR without a name and an address for mail.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (section, provider) in self.providers() {
            host(&format!("connectors.{section}.base_url"), &provider.base_url, ["https", "http"])?;
            if let Some(url) = &provider.www_url {
                host(&format!("connectors.{section}.www_url"), url, ["https", "http"])?;
            }
            if let Some(agent) = &provider.user_agent
                && agent.chars().any(|character| !(' '..='~').contains(&character))
            {
                let key = format!("connectors.{section}.user_agent");
                return Err(ConfigError::Connector(format!("{key} = {agent:?} fits in no header")));
            }
        }
        let refuse = |message: &str| Err(ConfigError::Connector(message.to_owned()));
        if self.sec.enabled && self.sec.www_url.is_none() {
            return refuse("connectors.sec.enabled = true needs connectors.sec.www_url");
        }
        if self.sec.enabled && !self.sec.user_agent.as_deref().is_some_and(|agent| agent.contains('@')) {
            return refuse(
                "connectors.sec.enabled = true needs connectors.sec.user_agent with a name and an e-mail",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn defaults() -> Connectors {
        Config::for_profile("test", false).expect("the test profile is valid").connectors
    }

    fn changed(change: impl FnOnce(&mut Connectors)) -> Result<(), String> {
        let mut settings = defaults();
        change(&mut settings);
        settings.check().map_err(|error| error.to_string())
    }

    #[test]
    fn nobody_is_asked_unless_somebody_says_so() {
        let settings = defaults();
        for (section, provider) in settings.providers() {
            assert!(provider.with_key().is_none(), "{section} has a key");
        }
        for keyless in [&settings.yahoo, &settings.sec, &settings.finra] {
            assert!(!keyless.enabled, "{} is on", keyless.base_url);
        }
    }

    #[test]
    fn a_key_counts_only_when_it_is_one_and_the_provider_is_enabled() {
        let provider =
            |key: &str, enabled| DataProvider { key: Some(key.into()), enabled, ..defaults().polygon };
        assert!(provider("k", true).with_key().is_some());
        assert!(provider("", true).with_key().is_none() && provider("k", false).with_key().is_none());
    }

    #[test]
    fn what_can_not_be_used_is_refused_by_name() {
        changed(|all| (all.sec.enabled, all.sec.user_agent) = (true, Some("Ann ann@example.com".into())))
            .expect("edgar with an address for mail");
        for (result, expected) in [
            (changed(|all| all.sec.enabled = true), "connectors.sec.user_agent"),
            (changed(|all| all.fred.base_url = "ftp://x".into()), "connectors.fred.base_url"),
            (changed(|all| all.sec.www_url = Some("x".into())), "connectors.sec.www_url"),
            (changed(|all| all.yahoo.user_agent = Some("a\nb".into())), "connectors.yahoo.user_agent"),
        ] {
            let error = result.expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
