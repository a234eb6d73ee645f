//! The range of every number among the settings.

use std::ops::RangeInclusive;

use super::{Config, ConfigError};

/// Longest time that a setting in milliseconds may name: a day.
const DAY_MS: i128 = 86_400_000;
/// Largest count: far beyond what a process can hold, and far below any overflow.
const MANY: i128 = 1_000_000;

/// A number: its key, its value, and from where to where it may go.
type Number = (&'static str, i128, RangeInclusive<i128>);

/// Returns every number but the slots of the queues, in the order of `config/default.toml`.
fn numbers(config: &Config) -> Vec<Number> {
    let Config { database, api, auth, queue, worker, backtest, broker, connectors, analysts, cycle, log: _ } =
        config;
    vec![
        ("database.max_connections", database.max_connections.into(), 2..=10_000),
        ("database.acquire_timeout_ms", database.acquire_timeout_ms.into(), 10..=DAY_MS),
        ("database.statement_timeout_ms", database.statement_timeout_ms.into(), 100..=DAY_MS),
        ("api.signup_status", api.signup_status.into(), 200..=201),
        ("api.session_days", api.session_days.into(), 1..=3650),
        ("api.session_idle_hours", api.session_idle_hours.into(), 1..=24 * 3650),
        ("api.body_limit_bytes", wide(api.body_limit_bytes), 1024..=1 << 30),
        ("api.request_timeout_ms", api.request_timeout_ms.into(), 100..=DAY_MS),
        ("api.max_connections", wide(api.max_connections), 1..=MANY),
        ("api.max_sockets", wide(api.max_sockets), 1..=MANY),
        ("api.header_timeout_ms", api.header_timeout_ms.into(), 10..=DAY_MS),
        ("api.max_streams_per_user", wide(api.max_streams_per_user), 0..=MANY),
        ("api.run_wait_ms", api.run_wait_ms.into(), 0..=DAY_MS),
        ("api.analysis_wait_ms", api.analysis_wait_ms.into(), 0..=DAY_MS),
        ("auth.free_failures", auth.free_failures.into(), 0..=MANY),
        ("auth.free_failures_account", auth.free_failures_account.into(), 0..=MANY),
        ("auth.free_failures_address", auth.free_failures_address.into(), 0..=MANY),
        ("auth.base_delay_ms", auth.base_delay_ms.into(), 0..=DAY_MS),
        ("auth.max_delay_ms", auth.max_delay_ms.into(), 0..=DAY_MS),
        ("auth.max_delay_address_ms", auth.max_delay_address_ms.into(), 0..=DAY_MS),
        ("auth.decay_s", auth.decay_s.into(), 1..=31_536_000),
        ("auth.forget_after_s", auth.forget_after_s.into(), 0..=31_536_000),
        ("queue.lease_ms", queue.lease_ms.into(), 500..=DAY_MS),
        ("queue.rescue_interval_ms", queue.rescue_interval_ms.into(), 50..=DAY_MS),
        ("queue.poll_interval_ms", queue.poll_interval_ms.into(), 10..=DAY_MS),
        ("queue.cancel_poll_ms", queue.cancel_poll_ms.into(), 10..=DAY_MS),
        ("queue.crash_budget", queue.crash_budget.into(), 1..=MANY),
        // Its upper bound stands in the claim's statement, too.
        ("queue.claim_batch", wide(queue.claim_batch), 1..=1000),
        ("queue.flush_ms", queue.flush_ms.into(), 0..=10_000),
        ("queue.flush_batch", wide(queue.flush_batch), 1..=10_000),
        ("queue.cancel_grace_ms", queue.cancel_grace_ms.into(), 0..=DAY_MS),
        ("queue.retention_days", queue.retention_days.into(), 1..=36_500),
        ("worker.grace_ms", worker.grace_ms.into(), 0..=DAY_MS),
        ("backtest.max_bars", backtest.max_bars.into(), 1..=1_000_000_000_000),
        ("backtest.max_unfinished_per_user", backtest.max_unfinished_per_user.into(), 1..=MANY),
        ("backtest.pace_bars_per_s", backtest.pace_bars_per_s.into(), 0..=1_000_000_000_000),
        ("broker.timeout_ms", broker.timeout_ms.into(), 100..=60_000),
        ("broker.requests_per_minute", broker.requests_per_minute.into(), 2..=10_000_000),
        ("broker.burst", broker.burst.into(), 1..=MANY),
        ("broker.patience_ms", broker.patience_ms.into(), 0..=60_000),
        ("cycle.max_symbols", wide(cycle.max_symbols), 1..=1000),
        ("cycle.quote_max_age_s", cycle.quote_max_age_s.into(), 1..=86_400),
        ("cycle.bars_max_age_s", cycle.bars_max_age_s.into(), 60..=604_800),
        ("cycle.analyses_at_once", wide(cycle.analyses_at_once), 1..=100),
        ("cycle.source_timeout_ms", cycle.source_timeout_ms.into(), 100..=120_000),
        ("cycle.analyst_timeout_ms", cycle.analyst_timeout_ms.into(), 100..=240_000),
        ("broker.stream_silence_ms", broker.stream_silence_ms.into(), 100..=DAY_MS),
        ("connectors.quote_max_age_s", connectors.quote_max_age_s.into(), 1..=86_400),
        ("connectors.patience_ms", connectors.patience_ms.into(), 0..=60_000),
        (
            "connectors.polygon.requests_per_minute",
            connectors.polygon.requests_per_minute.into(),
            2..=10_000_000,
        ),
        ("connectors.polygon.timeout_ms", connectors.polygon.timeout_ms.into(), 100..=60_000),
        ("connectors.yahoo.requests_per_minute", connectors.yahoo.requests_per_minute.into(), 2..=10_000_000),
        ("connectors.yahoo.timeout_ms", connectors.yahoo.timeout_ms.into(), 100..=60_000),
        (
            "connectors.finnhub.requests_per_minute",
            connectors.finnhub.requests_per_minute.into(),
            2..=10_000_000,
        ),
        ("connectors.finnhub.timeout_ms", connectors.finnhub.timeout_ms.into(), 100..=60_000),
        ("connectors.fred.requests_per_minute", connectors.fred.requests_per_minute.into(), 2..=10_000_000),
        ("connectors.fred.timeout_ms", connectors.fred.timeout_ms.into(), 100..=60_000),
        ("connectors.sec.requests_per_minute", connectors.sec.requests_per_minute.into(), 2..=10_000_000),
        ("connectors.sec.timeout_ms", connectors.sec.timeout_ms.into(), 100..=60_000),
        ("connectors.finra.requests_per_minute", connectors.finra.requests_per_minute.into(), 2..=10_000_000),
        ("connectors.finra.timeout_ms", connectors.finra.timeout_ms.into(), 100..=60_000),
        ("analysts.timeout_ms", analysts.timeout_ms.into(), 100..=120_000),
        ("analysts.cache_minutes", analysts.cache_minutes.into(), 0..=1440),
        ("analysts.openai.requests_per_minute", analysts.openai.requests_per_minute.into(), 2..=10_000_000),
        ("analysts.openai.concurrent", analysts.openai.concurrent.into(), 1..=1000),
        ("analysts.openai.daily_tokens", analysts.openai.daily_tokens.into(), 0..=1_000_000_000_000),
        (
            "analysts.anthropic.requests_per_minute",
            analysts.anthropic.requests_per_minute.into(),
            2..=10_000_000,
        ),
        ("analysts.anthropic.concurrent", analysts.anthropic.concurrent.into(), 1..=1000),
        ("analysts.anthropic.daily_tokens", analysts.anthropic.daily_tokens.into(), 0..=1_000_000_000_000),
    ]
}

/// Refuses the first number out of its range. A queue needs a slot; how many slots all the
/// queues of a process have together is not limited.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let slots = config.worker.queues.iter();
    let slots = slots.map(|(queue, slots)| (format!("worker.queues.{queue}"), wide(*slots), 1..=MANY));
    let numbers = numbers(config).into_iter().map(|(key, value, range)| (key.to_owned(), value, range));
    match numbers.chain(slots).find(|(_, value, range)| !range.contains(value)) {
        Some((key, value, range)) => {
            Err(ConfigError::OutOfRange { key, value, least: *range.start(), most: *range.end() })
        }
        None => Ok(()),
    }
}

fn wide(number: usize) -> i128 {
    i128::try_from(number).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use figment::{
        Figment,
        providers::{Format, Toml},
        value::Value,
    };

    use super::{super::DEFAULTS, *};

    fn with(key: &str, value: i128) -> Result<Config, String> {
        let value = i64::try_from(value).expect("the table's ends are small");
        let figment = Figment::from(Toml::string(DEFAULTS)).merge((key, value));
        let config: Config = figment.extract().map_err(|error| error.to_string())?;
        check(&config).map_err(|error| error.to_string()).map(|()| config)
    }

    fn defaults() -> Config {
        Figment::from(Toml::string(DEFAULTS)).extract().expect("the defaults are settings")
    }

    #[test]
    fn every_number_of_the_defaults_has_a_range_and_lies_in_it() {
        let defaults = defaults();
        check(&defaults).expect("the defaults are in range");
        let known: Vec<&str> = numbers(&defaults).iter().map(|(key, ..)| *key).collect();
        let sections: BTreeMap<String, BTreeMap<String, Value>> =
            Figment::from(Toml::string(DEFAULTS)).extract().expect("sections of keys");
        for (section, keys) in sections {
            for (key, _) in keys.iter().filter(|(_, value)| matches!(value, Value::Num(..))) {
                let key = format!("{section}.{key}");
                assert!(known.contains(&key.as_str()), "{key} has no range");
            }
        }
    }

    #[test]
    fn a_number_beyond_either_end_is_refused_by_key_value_and_range() {
        for (key, _, range) in numbers(&defaults()) {
            let (least, most) = (*range.start(), *range.end());
            for good in [least, most] {
                with(key, good).unwrap_or_else(|error| panic!("{key} = {good}: {error}"));
            }
            for bad in [least - 1, most + 1] {
                let error = with(key, bad).expect_err(key);
                // Below zero, a type without a sign refuses it first, and says so.
                let expected = format!("{key} = {bad} is not allowed: must be from {least} to {most}");
                assert!(error.contains(&expected) || bad < 0, "{key}: {error}");
                assert!(error.contains(key) && error.contains(&bad.to_string()), "{key}: {error}");
            }
        }
    }

    #[test]
    fn a_queue_needs_a_slot_and_queues_may_have_many_together() {
        let error = with("worker.queues.empty", 0).expect_err("no slot");
        assert!(error.contains("worker.queues.empty = 0 is not allowed: must be from 1"), "{error}");
        let mut config = defaults();
        config.worker.queues = (0..10).map(|n| (format!("q{n}"), 500_000)).collect();
        check(&config).expect("the sum is not limited");
    }
}
