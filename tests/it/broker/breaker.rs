//! An outage is noticed soon, probed by one call at a time, and over when the probe succeeds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jobs::{
    broker::{
        Broker, BrokerError, PlaceError,
        alpaca::{Alpaca, TRADING},
    },
    db::external_status,
    external::{BreakerOptions, ExternalMetrics, Position},
};
use serde_json::json;
use suites::{TestDatabase, eventually};
use tokio::sync::Notify;

use super::{
    LIMIT, buy_ten,
    far_side::{FarSide, Reply},
    options,
};

fn position(broker: &Alpaca) -> Position {
    broker
        .health()
        .into_iter()
        .find(|(name, _)| *name == TRADING)
        .expect("the trading API is listed")
        .1
        .position
}

#[test]
fn by_default_two_timeouts_in_a_row_open_it_within_five_seconds() {
    let options = BreakerOptions::default();
    let config = jobs::config::Config::for_profile("production", false).expect("the profile is valid");
    let timeout = config.broker.timeout();
    assert!(options.apart < timeout, "two timeouts one after the other are far enough apart");
    assert!(timeout * 2 <= Duration::from_secs(5));
    assert!(options.longest_pause + timeout <= Duration::from_secs(10), "it closes within ten seconds");
}

#[tokio::test]
async fn an_outage_opens_it_one_call_probes_and_its_success_closes_it() {
    let database = TestDatabase::create().await;
    let (well, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let (is_well, may_answer) = (Arc::clone(&well), Arc::clone(&told));
    let far = FarSide::start(move |_| {
        if is_well.load(Ordering::SeqCst) {
            Reply::Later(Arc::clone(&may_answer), json!([]))
        } else {
            Reply::Silence
        }
    })
    .await;
    let mut options = options(&far.url);
    // At least half of the pause passes before the next probe, and a probe waits as long as the
    // timeout: what is asserted in between has that much time.
    options.timeout = Duration::from_secs(2);
    let pause = Duration::from_secs(4);
    options.breaker = BreakerOptions {
        failures: 5,
        apart: Duration::from_secs(1),
        first_pause: pause,
        longest_pause: pause,
    };
    let broker =
        Alpaca::new(options, &database.pool, &ExternalMetrics::default()).expect("a loopback URL is fine");

    for _ in 0..2 {
        assert_eq!(position(&broker), Position::Closed);
        let lost = broker.place(&buy_ten()).await;
        assert!(matches!(lost, Err(PlaceError::Unknown { .. })), "{lost:?}");
    }
    assert_eq!(position(&broker), Position::Open, "two timeouts, one after the other, are an outage");
    let away = broker.place(&buy_ten()).await;
    assert!(matches!(away, Err(PlaceError::NotSent { retry_at: Some(_), .. })), "{away:?}");
    assert_eq!(far.seen().len(), 2, "an open breaker sends nothing");
    eventually("the fleet can see it", LIMIT, async || {
        let mut conn = database.pool.acquire().await.expect("the database is there");
        let seen = external_status::list(&mut conn).await.expect("the rows can be read");
        seen.into_iter()
            .find(|row| row.provider == TRADING && row.breaker == "open" && row.last_error.is_some())
    })
    .await;

    // A failing probe opens it again.
    eventually("a probe goes out", LIMIT, async || {
        let _ = broker.place(&buy_ten()).await;
        far.seen().len() == 3
    })
    .await;
    assert_eq!(position(&broker), Position::Open);

    well.store(true, Ordering::SeqCst);
    let probe = async {
        eventually("the probe succeeds", LIMIT, async || {
            let answer = broker.place(&buy_ten()).await;
            // The answer is no order, but it is an answer.
            matches!(answer, Err(PlaceError::Unknown { reason }) if reason.contains("order"))
        })
        .await;
    };
    let others = async {
        eventually("the probe is under way", LIMIT, async || far.seen().len() == 4).await;
        for _ in 0..10 {
            let away = broker.place(&buy_ten()).await;
            assert!(matches!(away, Err(PlaceError::NotSent { .. })), "{away:?}");
        }
        assert_eq!(far.seen().len(), 4, "there is one probe");
        told.notify_one();
    };
    tokio::join!(probe, others);
    assert_eq!(position(&broker), Position::Closed);
    told.notify_one();
    assert_eq!(broker.positions().await.map(|positions| positions.len()), Ok(0));
}

#[tokio::test]
async fn refusals_do_not_open_it_and_failures_of_one_service_leave_the_other_alone() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|seen| {
        if seen.target.starts_with("/v2/stocks") {
            Reply::HangUp
        } else {
            Reply::Json(422, json!({"message": "no"}))
        }
    })
    .await;
    let mut options = options(&far.url);
    options.breaker =
        BreakerOptions { failures: 3, first_pause: Duration::from_hours(1), ..BreakerOptions::default() };
    options.breaker.longest_pause = Duration::from_hours(1);
    let broker =
        Alpaca::new(options, &database.pool, &ExternalMetrics::default()).expect("a loopback URL is fine");
    for _ in 0..10 {
        let refused = broker.place(&buy_ten()).await;
        assert!(matches!(refused, Err(PlaceError::Rejected(_))), "{refused:?}");
    }
    broker.latest_price("AAPL").await.expect_err("the data API hangs up three times");
    let away = broker.latest_price("AAPL").await;
    assert!(matches!(away, Err(BrokerError::NotSent { retry_at: Some(_), .. })), "{away:?}");
    assert_eq!(position(&broker), Position::Closed);
}
