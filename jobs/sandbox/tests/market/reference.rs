//! Clock, calendar and assets.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::served::{Served, stepped};

#[tokio::test]
async fn the_clock_tells_new_york_time_and_moves_when_told() {
    let served = Served::start(stepped()).await;
    let expected = json!({
        "timestamp": "2024-03-04T09:30:00-05:00",
        "is_open": true,
        "next_open": "2024-03-05T09:30:00-05:00",
        "next_close": "2024-03-04T16:00:00-05:00",
    });
    assert_eq!(served.get("/v2/clock").await, expected);
    served.turn_to("2024-03-08T22:00:00Z").await;
    let expected = json!({
        "timestamp": "2024-03-08T17:00:00-05:00",
        "is_open": false,
        "next_open": "2024-03-11T09:30:00-04:00",
        "next_close": "2024-03-11T16:00:00-04:00",
    });
    assert_eq!(served.get("/v2/clock").await, expected);
}

#[tokio::test]
async fn the_clock_refuses_senseless_moves() {
    let served = Served::start(stepped()).await;
    for body in [
        json!({}),
        json!({"advance_ms": 1, "to": "2024-03-05T00:00:00Z"}),
        json!({"to": "2024-03-03T00:00:00Z"}),
        json!({"advance_ms": u64::MAX}),
        json!({"to": "2034-03-03T00:00:00Z"}),
    ] {
        let response =
            served.bare(Method::POST, "/sandbox/clock").json(&body).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    let body = json!({"advance_ms": 90_000});
    let response = served.bare(Method::POST, "/sandbox/clock").json(&body).send().await.expect("an answer");
    let body: serde_json::Value = response.json().await.expect("an answer in JSON");
    assert_eq!(body, json!({"now": "2024-03-04T14:31:30Z", "pace": "stepped"}));
}

#[tokio::test]
async fn the_calendar_knows_holidays_and_early_closes() {
    let served = Served::start(stepped()).await;
    let days = served.get("/v2/calendar?start=2024-11-27&end=2024-11-29").await;
    let expected = json!([
        {"date": "2024-11-27", "open": "09:30", "close": "16:00", "session_open": "0400", "session_close": "2000", "settlement_date": "2024-11-29"},
        {"date": "2024-11-29", "open": "09:30", "close": "13:00", "session_open": "0400", "session_close": "1700", "settlement_date": "2024-12-02"},
    ]);
    assert_eq!(days, expected);
    assert_eq!(served.answer("/v2/calendar?start=soon").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_asset_is_found_by_symbol_and_by_id() {
    let served = Served::start(stepped()).await;
    let assets = served.get("/v2/assets?status=active").await;
    assert_eq!(assets.as_array().map(Vec::len), Some(5));
    let apple = served.get("/v2/assets/AAPL").await;
    assert_eq!((&apple["class"], &apple["exchange"]), (&"us_equity".into(), &"NASDAQ".into()));
    let id = apple["id"].as_str().expect("an id");
    assert_eq!(served.get(&format!("/v2/assets/{id}")).await, apple);
    assert_eq!(served.get("/v2/assets?status=inactive").await, json!([]));
    let (status, body) = served.answer("/v2/assets/ZZZZ").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &40_410_000.into()));
}
