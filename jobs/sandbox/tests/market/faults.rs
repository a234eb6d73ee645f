//! Faults, as a client meets them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::served::{Served, stepped};

async fn disturbed(rules: Value) -> Served {
    let served = Served::start(stepped()).await;
    let response = served.bare(Method::PUT, "/sandbox/faults").json(&rules).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    served
}

async fn injected(served: &Served) -> u64 {
    let response = served.bare(Method::GET, "/sandbox/faults").send().await.expect("an answer");
    let body: Value = response.json().await.expect("an answer in JSON");
    body["faults"].as_array().expect("a list").iter().filter_map(|fault| fault["injected"].as_u64()).sum()
}

#[tokio::test]
async fn a_reset_ends_the_connection_without_an_answer() {
    for kind in ["reset_before", "reset_after"] {
        let served = disturbed(json!([{"route": "/v2/clock", "first_n": 1, "kind": kind}])).await;
        let failed = served.request(Method::GET, "/v2/clock").send().await;
        assert!(failed.expect_err("no answer").is_request(), "{kind}");
        assert_eq!(injected(&served).await, 1);
        assert_eq!(served.answer("/v2/clock").await.0, StatusCode::OK, "{kind}: only the first is met");
    }
}

#[tokio::test]
async fn a_lost_answer_never_comes() {
    let served = disturbed(json!([{"kind": "lost_answer", "first_n": 1}])).await;
    let waited = served.request(Method::GET, "/v2/clock").timeout(Duration::from_secs(2)).send().await;
    assert!(waited.expect_err("no answer").is_timeout());
    assert_eq!(served.answer("/v2/clock").await.0, StatusCode::OK);
}

#[tokio::test]
async fn statuses_are_those_of_the_rule() {
    let cases = [
        (json!({"kind": "status", "code": 504, "after": true}), StatusCode::GATEWAY_TIMEOUT),
        (json!({"kind": "outage"}), StatusCode::SERVICE_UNAVAILABLE),
        (json!({"kind": "too_many_requests", "retry_after": 7}), StatusCode::TOO_MANY_REQUESTS),
    ];
    for (rule, status) in cases {
        let served = disturbed(json!([rule])).await;
        let response = served.request(Method::GET, "/v2/clock").send().await.expect("an answer");
        assert_eq!(response.status(), status, "{rule}");
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(response.headers()["retry-after"], "7");
        }
    }
}

#[tokio::test]
async fn broken_bodies_cannot_be_read() {
    for kind in ["truncated_json", "malformed_json", "cut_body"] {
        let served = disturbed(json!([{"kind": kind}])).await;
        let response = served.request(Method::GET, "/v2/clock").send().await.expect("a status");
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.json::<Value>().await.is_err(), "{kind}");
    }
}

#[tokio::test]
async fn wrong_types_and_stale_times_are_read_and_are_wrong() {
    let served = disturbed(json!([{"kind": "wrong_types"}])).await;
    let clock = served.get("/v2/clock").await;
    assert!(clock["timestamp"].is_number() && clock["is_open"].is_array(), "{clock}");
    let served = disturbed(json!([{"kind": "stale_timestamps", "by_s": 60}])).await;
    assert_eq!(served.get("/v2/clock").await["timestamp"], "2024-03-04T09:29:00-05:00");
}

#[tokio::test]
async fn faults_are_refused_whole_and_cleared() {
    let served = disturbed(json!([{"kind": "outage"}])).await;
    let rules = json!([{"kind": "latency", "ms": 1}, {"kind": "meteor"}]);
    let refused = served.bare(Method::PUT, "/sandbox/faults").json(&rules).send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body: Value = refused.json().await.expect("an answer in JSON");
    assert!(body["message"].as_str().is_some_and(|text| text.starts_with("fault 1: ")), "{body}");
    assert_eq!(served.answer("/v2/clock").await.0, StatusCode::SERVICE_UNAVAILABLE, "the old one stays");
    let cleared = served.bare(Method::DELETE, "/sandbox/faults").send().await.expect("an answer");
    assert_eq!(cleared.status(), StatusCode::NO_CONTENT);
    assert_eq!(served.answer("/v2/clock").await.0, StatusCode::OK);
}

#[tokio::test]
async fn faults_of_the_settings_hold_from_the_first_request() {
    let rule = sandbox::faults::Rule::read(json!({"kind": "outage"})).expect("a valid rule");
    let served = Served::start(sandbox::Settings { faults: vec![rule], ..stepped() }).await;
    assert_eq!(served.answer("/v2/clock").await.0, StatusCode::SERVICE_UNAVAILABLE);
}
