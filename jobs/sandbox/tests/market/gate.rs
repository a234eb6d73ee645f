//! Who is let in, and how often.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::served::{Served, stepped};

#[tokio::test]
async fn a_request_without_the_key_is_refused() {
    let served = Served::start(stepped()).await;
    let response = served.bare(Method::GET, "/v2/clock").send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body: Value = response.json().await.expect("an answer in JSON");
    assert_eq!(body, json!({"code": 40_110_000, "message": "request is not authorized"}));
    let basic = served.bare(Method::GET, "/v2/clock").basic_auth("key", Some("secret"));
    assert_eq!(basic.send().await.expect("an answer").status(), StatusCode::OK);
    let bearer = served.bare(Method::GET, "/v2/clock").bearer_auth("secret");
    assert_eq!(bearer.send().await.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn one_request_too_many_is_told_when_to_come_back() {
    let served = Served::start(sandbox::Settings { rate_limit: 3, ..stepped() }).await;
    for remaining in ["2", "1", "0", "0"] {
        let response = served.request(Method::GET, "/v2/clock").send().await.expect("an answer");
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(
            (header("x-ratelimit-limit").as_str(), header("x-ratelimit-remaining").as_str()),
            ("3", remaining)
        );
        assert!(header("x-ratelimit-reset").parse::<u64>().is_ok());
    }
    let (status, body) = served.answer("/v2/clock").await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(body, json!({"code": 42_910_000, "message": "too many requests"}));
    assert_eq!(served.answer("/v2/stocks/trades/latest?symbols=AAPL").await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_path_is_answered_in_json() {
    let served = Served::start(stepped()).await;
    let (status, body) = served.answer("/v2/nothing").await;
    assert_eq!((status, &body["message"]), (StatusCode::NOT_FOUND, &"endpoint not found".into()));
}
