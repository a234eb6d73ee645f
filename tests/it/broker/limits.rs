//! One allowance for the whole fleet, a part of it for what takes risk away.

use std::time::Duration;

use jobs::{
    broker::{
        Broker, BrokerError, CancelOutcome, PlaceError,
        alpaca::{Alpaca, AlpacaOptions},
    },
    external::{ExternalMetrics, Limit},
    telemetry,
};
use serde_json::json;
use sqlx::PgPool;
use suites::TestDatabase;

use super::{
    buy_ten,
    far_side::{FarSide, Reply},
    options,
};

/// Two processes, each with a pool of its own.
fn two(options: &AlpacaOptions, database: &TestDatabase) -> [(Alpaca, ExternalMetrics); 2] {
    [(); 2].map(|()| {
        let pool = PgPool::connect_lazy(database.url()).expect("the URL of a test's database parses");
        let metrics = ExternalMetrics::default();
        (Alpaca::new(options.clone(), &pool, &metrics).expect("a loopback URL is fine"), metrics)
    })
}

fn shown(metrics: &ExternalMetrics) -> String {
    let mut registry = telemetry::registry();
    metrics.register(&mut registry);
    telemetry::exposition([&registry]).expect("text is written to memory")
}

#[tokio::test]
async fn two_processes_share_one_allowance_and_cancellations_may_use_the_last_fifth() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|seen| match seen.method.as_str() {
        "DELETE" => Reply::Text(204, vec![], String::new()),
        _ => Reply::Json(200, json!([])),
    })
    .await;
    let mut options = options(&far.url);
    // Nothing grows back within the test: one permit a minute.
    options.trading_limit = Limit { per_minute: 11, burst: 10, patience: Duration::ZERO };
    let [(one, _), (two, metrics)] = two(&options, &database);
    for turn in 0..4 {
        one.positions().await.unwrap_or_else(|error| panic!("turn {turn} of the first: {error}"));
        two.positions().await.unwrap_or_else(|error| panic!("turn {turn} of the second: {error}"));
    }
    for broker in [&one, &two] {
        let refused = broker.positions().await;
        assert!(
            matches!(refused, Err(BrokerError::RateLimited { .. })),
            "eight of ten are gone: {refused:?}"
        );
        assert_eq!(broker.cancel("o1").await, Ok(CancelOutcome::Requested), "the last fifth is for these");
    }
    assert!(matches!(two.cancel("o1").await, Err(BrokerError::RateLimited { .. })), "all ten are gone");
    assert_eq!(far.seen().len(), 10, "what was turned down was not sent");

    let shown = shown(&metrics);
    for line in [
        "capstan_external_rate_limited_total{provider=\"alpaca_trading\",by=\"allowance\"} 2",
        "capstan_external_requests_total{provider=\"alpaca_trading\",operation=\"positions\",outcome=\"ok\"} 4",
        "capstan_external_request_seconds_count{provider=\"alpaca_trading\",operation=\"cancel\"} 2",
        "capstan_external_breaker_state{provider=\"alpaca_trading\"} 0",
    ] {
        assert!(shown.contains(line), "{line} is in {shown}");
    }
}

#[tokio::test]
async fn when_the_provider_has_had_enough_the_whole_fleet_stays_away() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|_| {
        Reply::Text(429, vec![("retry-after", "100".to_owned())], "{\"code\":42910000}".into())
    })
    .await;
    let [(one, _), (two, _)] = two(&options(&far.url), &database);
    let Err(PlaceError::RateLimited { until: told }) = one.place(&buy_ten()).await else {
        panic!("429 is a rate limit");
    };
    let Err(BrokerError::RateLimited { until: learnt }) = two.positions().await else {
        panic!("the other process has heard of it");
    };
    assert_eq!(far.seen().len(), 1, "the other process sent nothing");
    assert!((told - learnt).abs() < chrono::Duration::seconds(10), "{told} and {learnt} are the same time");
}

#[tokio::test]
async fn a_call_waits_for_its_turn_while_its_patience_lasts() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|_| Reply::Json(200, json!([]))).await;
    let mut options = options(&far.url);
    // One at once, and another one every tenth of a second.
    options.trading_limit = Limit { per_minute: 601, burst: 1, patience: Duration::from_secs(10) };
    let [(one, _), (two, _)] = two(&options, &database);
    for _ in 0..3 {
        let (first, second) = tokio::join!(one.positions(), two.positions());
        first.expect("there is a permit in time");
        second.expect("there is a permit in time");
    }
    assert_eq!(far.seen().len(), 6);
}
