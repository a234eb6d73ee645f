//! From settings to a running part: the only place that chooses what stands behind a trait.

use std::sync::Arc;

use anyhow::Context;
use jobs::{
    Environment, analyst::Analysts, broker::alpaca::Alpaca, config::Config, connector::Connectors, db,
    external::ExternalMetrics,
};
use secrecy::ExposeSecret;
use sqlx::PgPool;

use crate::reach;

/// Reads the settings, starts logging, and prepares the pool of the process called `name`.
pub fn start(name: &str) -> anyhow::Result<(Arc<Config>, PgPool)> {
    let config = Config::load()?;
    crate::telemetry::start(&config.log)?;
    for url in [&config.database.url, &config.database.direct_url].into_iter().flatten() {
        reach::options(url.expose_secret())?;
    }
    let pool = db::pool(&config.database, name)?;
    // Read here, so that nobody meets a bad one later.
    db::direct_or(&pool, &config.database)?;
    Ok((Arc::new(config), pool))
}

/// Returns what handlers may use. Must be called inside a runtime.
pub fn environment(config: Arc<Config>, pool: PgPool) -> anyhow::Result<Arc<Environment>> {
    let metrics = ExternalMetrics::default();
    let broker = Alpaca::configured(&config.broker, &pool, &metrics)?;
    let connectors = Connectors::configured(&config, &pool, &metrics)?;
    let analysts = Analysts::configured(&config.analysts, &pool, &metrics)?;
    let env = Environment::new(pool, config).with_connectors(connectors).with_analysts(analysts);
    Ok(Arc::new(match broker {
        Some(broker) => env.with_broker(Arc::new(broker), metrics),
        None => Environment { external: metrics, ..env },
    }))
}

/// Parses `name=slots,name=slots`.
pub fn queues(text: &str) -> anyhow::Result<Vec<(String, usize)>> {
    text.split(',')
        .map(|part| {
            let (name, slots) = part
                .trim()
                .split_once('=')
                .with_context(|| format!("{part:?} is not of the form queue=slots"))?;
            let slots: usize =
                slots.parse().with_context(|| format!("{slots:?} is not a number of slots"))?;
            anyhow::ensure!(slots > 0 && !name.is_empty(), "{part:?}: a queue needs a name and a slot");
            Ok((name.to_owned(), slots))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::queues;

    #[test]
    fn queue_lists_parse_or_say_what_is_wrong() {
        let parsed = queues("backtests=2, default=10").expect("a valid list");
        assert_eq!(parsed, [("backtests".to_owned(), 2), ("default".to_owned(), 10)]);
        for bad in ["", "a", "a=0", "=3", "a=x", "a=1,,b=2"] {
            assert!(queues(bad).is_err(), "{bad:?} is refused");
        }
    }
}
