//! Connectors, against real sockets: what providers say, who is asked next, and what is counted.

mod adapters;
mod failing;
mod health;
mod hiding;
mod sandbox;
mod waiting;

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::{
    calendar,
    market_hours::{self, TradingHours},
};
use jobs::{
    config::{Config, DataProvider},
    connector::Connectors,
    db::{connectors, quarantine},
    external::ExternalMetrics,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use suites::eventually;

use crate::broker::far_side::{FarSide, Reply, Seen};

const KEY: &str = "plantedkeyofaprovider";
/// The limit of every wait for a condition.
const LIMIT: Duration = Duration::from_secs(20);

/// Returns the time of the tests: a thursday's noon, the market open.
fn now() -> DateTime<Utc> {
    "2026-03-05T18:00:00Z".parse().expect("an instant")
}

/// Returns settings without anybody.
fn nobody() -> Config {
    let mut config = Config::for_profile("test", false).expect("the test profile is valid");
    config.connectors.patience_ms = 200;
    config
}

/// Returns settings in which the named providers are at the addresses.
fn settings(providers: &[(&str, &str)]) -> Config {
    let mut config = nobody();
    for (provider, url) in providers {
        let all = &mut config.connectors;
        let settings: &mut DataProvider = match *provider {
            "polygon" => &mut all.polygon,
            "yahoo" => &mut all.yahoo,
            "finnhub" => &mut all.finnhub,
            "fred" => &mut all.fred,
            "sec" => &mut all.sec,
            "finra" => &mut all.finra,
            _ => {
                (config.broker.key, config.broker.secret) = (Some(KEY.into()), Some(KEY.into()));
                (*url).clone_into(&mut config.broker.data_url);
                (config.broker.requests_per_minute, config.broker.burst) = (1_000_000, 1000);
                continue;
            }
        };
        (settings.enabled, settings.base_url) = (true, (*url).to_owned());
        settings.key = Some(KEY.into());
        settings.requests_per_minute = 1_000_000;
        settings.timeout_ms = 3000;
        if *provider == "sec" {
            settings.www_url = Some((*url).to_owned());
            settings.user_agent = Some("Ann ann@example.com".into());
        }
    }
    config
}

fn connectors(config: &Config, pool: &PgPool) -> Connectors {
    Connectors::configured(config, pool, &ExternalMetrics::default()).expect("loopback URLs are fine")
}

fn symbols(symbols: &[&str]) -> Vec<String> {
    symbols.iter().map(|symbol| (*symbol).to_owned()).collect()
}

/// A far side that says the same to everybody.
async fn saying(answer: Value) -> FarSide {
    FarSide::start(move |_: &Seen| Reply::Json(200, answer.clone())).await
}

fn alpaca_snapshot(price: &Value, at: &str) -> Value {
    json!({"AAPL": {
        "latestTrade": {"t": at, "x": "V", "p": price, "s": 10, "c": ["@"], "i": 1, "z": "C"},
        "latestQuote": null, "minuteBar": null,
        "dailyBar": {"t": "2026-03-05T05:00:00Z", "o": 187.1, "h": 189.0, "l": 186.2, "c": 188.4, "v": 1_203_344},
        "prevDailyBar": {"t": "2026-03-04T05:00:00Z", "o": 186.0, "h": 188.0, "l": 185.0, "c": 187.0, "v": 99}}})
}

fn polygon_snapshot(price: f64) -> Value {
    let day = json!({"o": 187.1, "h": 189.0, "l": 186.2, "c": 188.4, "v": 1_203_344.5, "vw": 187.9});
    json!({"status": "DELAYED", "count": 1, "tickers": [{
        "ticker": "AAPL", "updated": 0, "day": day, "prevDay": day,
        "lastTrade": {"p": price, "s": 10, "t": 1_772_733_590_000_000_000_i64, "x": 4, "c": [1], "i": "7"}}]})
}

fn yahoo_chart(price: f64) -> Value {
    json!({"chart": {"error": null, "result": [{
        "meta": {"currency": "USD", "symbol": "AAPL", "regularMarketPrice": price,
                 "regularMarketTime": 1_772_733_590, "chartPreviousClose": 187.0},
        "timestamp": [1_772_733_590],
        "indicators": {"quote": [{"open": [187.1], "high": [189.0], "low": [186.2], "close": [188.4],
                                  "volume": [1_203_344]}]}}]}})
}

/// Returns the sessions of the ten days up to `last`.
fn sessions(last: &str) -> Vec<NaiveDate> {
    let last: NaiveDate = last.parse().expect("a date");
    calendar::sessions(last - Days::new(9), last).collect()
}

/// Returns the sessions of the last ten days that are over now.
fn finished_sessions() -> Vec<NaiveDate> {
    let now = Utc::now();
    let today = market_hours::local_date(now);
    let over = |day: &NaiveDate| TradingHours::on(*day).is_some_and(|hours| hours.close <= now);
    calendar::sessions(today - Days::new(9), today).filter(over).collect()
}

/// Waits until the counts of `connector` fit; returns them: total, success, failure, quarantined,
/// fallback.
async fn counted(pool: &PgPool, connector: &str, expected: [i64; 5]) {
    eventually("the counts", LIMIT, async || {
        let mut conn = pool.acquire().await.expect("the database answers");
        let rows = connectors::metrics(&mut conn, 1).await.expect("it answers");
        let mut sums = [0; 5];
        for row in rows.iter().filter(|row| row.connector == connector) {
            let counts = [
                row.total_requests,
                row.success_count,
                row.failure_count,
                row.quarantined,
                row.fallback_used,
            ];
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        if sums == expected { Ok(()) } else { Err(format!("{connector}: {sums:?}, not {expected:?}")) }
    })
    .await;
}

/// Waits for one answer that was put away; returns its connector, code and excerpt.
async fn put_away(pool: &PgPool) -> (String, String, String) {
    eventually("an answer in quarantine", LIMIT, async || {
        let mut conn = pool.acquire().await.expect("the database answers");
        let mut rows = quarantine::recent(&mut conn, 10).await.expect("it answers");
        let row = rows.pop()?;
        Some((row.connector, row.code, row.excerpt.unwrap_or_default()))
    })
    .await
}
