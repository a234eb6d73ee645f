//! How many event streams one user may hold.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;
use suites::{SignedIn, TestApp, eventually};

async fn open(user: &SignedIn, path: &str) -> Response {
    user.request(Method::GET, path).send().await.expect("an answer")
}

#[tokio::test]
async fn a_user_holds_so_many_streams_and_no_more() {
    let app = TestApp::builder().config(|config| config.api.max_streams_per_user = 2).start().await;
    let (one, two) = (app.signed_up().await, app.signed_up().await);
    let first = open(&one, "/api/events").await;
    let second = open(&one, "/api/sse/trading").await;
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    let refused = open(&one, "/api/events").await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"1".parse().expect("a value"))
    );
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(body["code"], "TOO_MANY_STREAMS");
    assert_eq!(open(&two, "/api/events").await.status(), 200, "others are not held back");
    drop(first);
    eventually("the place is free", Duration::from_mins(1), async || {
        open(&one, "/api/events").await.status() == 200
    })
    .await;
}
