//! The exchange behind the market half: faults, the clock, and a restart.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use sandbox::{Settings, replay::Pace};
use serde_json::{Value, json};

use crate::served::{Served, stepped};

fn order(client_order_id: &str) -> Value {
    json!({
        "symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day",
        "client_order_id": client_order_id,
    })
}

async fn ledger(served: &Served) -> Value {
    let response = served.bare(Method::GET, "/sandbox/ledger").send().await.expect("an answer");
    response.json().await.expect("an answer in JSON")
}

/// Returns the order once its status is `status`, moving the clock by a second at a time.
async fn reaching(served: &Served, client_order_id: &str, status: &str) -> Value {
    let path = format!("/v2/orders:by_client_order_id?client_order_id={client_order_id}");
    for _ in 0..100 {
        let order = served.get(&path).await;
        if order["status"] == status {
            return order;
        }
        let body = json!({"advance_ms": 1_000});
        served.bare(Method::POST, "/sandbox/clock").json(&body).send().await.expect("an answer");
    }
    panic!("order {client_order_id} never became {status}");
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_was_accepted_once() {
    for kind in ["reset_after", "lost_answer"] {
        let served = Served::start(stepped()).await;
        let rules = json!([{"route": "/v2/orders", "method": "POST", "first_n": 1, "kind": kind}]);
        served.bare(Method::PUT, "/sandbox/faults").json(&rules).send().await.expect("an answer");
        let place = || served.request(Method::POST, "/v2/orders").json(&order("lost-1"));
        let lost = place().timeout(Duration::from_secs(2)).send().await;
        assert!(lost.is_err(), "{kind}: no answer");
        let again = place().send().await.expect("an answer");
        assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY, "{kind}");
        let ledger = ledger(&served).await;
        assert_eq!(
            (&ledger["posts"], &ledger["accepted"], &ledger["duplicates"]),
            (&2.into(), &1.into(), &1.into())
        );
        assert_eq!(
            (&ledger["orders"][0]["client_order_id"], &ledger["orders"][0]["posts"]),
            (&"lost-1".into(), &2.into())
        );
    }
}

#[tokio::test]
async fn an_order_that_was_reset_before_never_arrived() {
    let served = Served::start(stepped()).await;
    let rules = json!([{"route": "/v2/orders", "method": "POST", "first_n": 1, "kind": "reset_before"}]);
    served.bare(Method::PUT, "/sandbox/faults").json(&rules).send().await.expect("an answer");
    let place = || served.request(Method::POST, "/v2/orders").json(&order("reset-1"));
    assert!(place().send().await.is_err());
    assert_eq!(ledger(&served).await["posts"], 0);
    assert_eq!(place().send().await.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn a_limit_order_meets_the_prices_a_long_step_passes_over() {
    let served = Served::start(stepped()).await;
    // The day's own low, which the opening is above.
    let scout = Served::start(stepped()).await;
    scout.turn_to("2024-03-04T21:00:00Z").await;
    let day = scout.get("/v2/stocks/AAPL/bars?timeframe=1Day&start=2024-03-04").await;
    let (open, low) =
        (day["bars"][0]["o"].as_f64().expect("a price"), day["bars"][0]["l"].as_f64().expect("a price"));
    let limit = ((open + low) * 50.0).round() / 100.0;
    assert!(low < limit && limit < open, "{low} {limit} {open}");
    let mut wanted = order("limit-1");
    wanted["type"] = "limit".into();
    wanted["limit_price"] = limit.into();
    let placed = served.request(Method::POST, "/v2/orders").json(&wanted).send().await.expect("an answer");
    assert_eq!(placed.status(), StatusCode::OK);
    served.turn_to("2024-03-04T21:00:00Z").await;
    let filled = served.get("/v2/orders:by_client_order_id?client_order_id=limit-1").await;
    assert_eq!(filled["status"], "filled", "{filled}");
}

#[tokio::test]
async fn a_restart_keeps_orders_and_goes_on_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings { journal: Some(folder.path().join("journal")), ..stepped() };
    let served = Served::start(settings.clone()).await;
    served.turn_to("2024-03-04T15:00:00Z").await;
    served.request(Method::POST, "/v2/orders").json(&order("kept-1")).send().await.expect("an answer");
    let filled = reaching(&served, "kept-1", "filled").await;
    served.stop().await;
    let served = Served::start(settings).await;
    let found = served.get("/v2/orders:by_client_order_id?client_order_id=kept-1").await;
    assert_eq!(found, filled);
    let clock = served.get("/v2/clock").await;
    assert!(clock["timestamp"].as_str() >= Some("2024-03-04T10:00:00"), "{clock}");
    assert_eq!(served.get("/v2/positions/AAPL").await["qty"], "10");
    let again =
        served.request(Method::POST, "/v2/orders").json(&order("kept-1")).send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_running_clock_has_prices_now() {
    for clock in [Pace::Real, Pace::Times(600)] {
        let served = Served::start(Settings { clock, ..stepped() }).await;
        let quotes = served.get("/v2/stocks/quotes/latest?symbols=AAPL,FB,GOOG,IBM,MSFT").await;
        assert_eq!(quotes["quotes"].as_object().map(serde_json::Map::len), Some(5));
        let trades = served.get("/v2/stocks/trades/latest?symbols=AAPL").await;
        let at: chrono::DateTime<chrono::Utc> =
            trades["trades"]["AAPL"]["t"].as_str().and_then(|t| t.parse().ok()).expect("a time");
        assert!(chrono::Utc::now() - at < chrono::TimeDelta::days(6), "{at} is the last session's");
    }
}

#[tokio::test]
async fn the_stream_is_disturbed_on_demand_and_senseless_shares_are_refused() {
    let served = Served::start(stepped()).await;
    let put = |body: Value| served.bare(Method::PUT, "/sandbox/stream").json(&body).send();
    let set = put(json!({"duplicate": 0.5})).await.expect("an answer");
    assert_eq!(set.status(), StatusCode::OK);
    let body: Value = set.json().await.expect("an answer in JSON");
    assert_eq!(body, json!({"duplicate": 0.5, "reorder": 0.0, "drop_connection": 0.0}));
    assert_eq!(
        put(json!({"reorder": 2})).await.expect("an answer").status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        put(json!({"explode": 1})).await.expect("an answer").status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
}
