//! Every class of failure becomes the error that says what to do about it.

use std::time::Duration;

use jobs::{
    broker::{Broker, BrokerError, CancelOutcome, PlaceError},
    external::ExternalMetrics,
};
use serde_json::{Value, json};
use suites::TestDatabase;

use super::{
    alpaca, buy_ten,
    far_side::{FarSide, Reply},
    options, order_json,
};

fn refusal(code: u32, message: &str) -> Value {
    json!({"code": code, "message": message})
}

/// A name for a placement's result, and what else is said about it.
fn named(result: Result<jobs::broker::BrokerOrder, PlaceError>) -> (&'static str, String) {
    match result {
        Ok(order) => ("ok", order.id),
        Err(PlaceError::Duplicate) => ("duplicate", String::new()),
        Err(PlaceError::Rejected(refusal)) => ("rejected", refusal.to_string()),
        Err(PlaceError::RateLimited { .. }) => ("rate_limited", String::new()),
        Err(PlaceError::NotSent { reason, .. }) => ("not_sent", reason),
        Err(PlaceError::Unknown { reason }) => ("unknown", reason),
    }
}

#[tokio::test]
async fn an_answer_to_a_placement_means_what_the_facts_say() {
    let database = TestDatabase::create().await;
    let plain = || vec![("content-type", "text/plain".to_owned())];
    let cases: Vec<(&str, Reply, &str, &str)> = vec![
        ("taken", Reply::Json(200, order_json("1", "2026-03-02T15:04:05Z")), "ok", "1"),
        (
            "another order",
            Reply::Json(200, order_json("2", "2026-03-02T15:04:05Z")),
            "unknown",
            "the answer is about \"cap-2\"",
        ),
        (
            "the id is taken",
            Reply::Json(422, refusal(40_010_001, "client_order_id must be unique")),
            "duplicate",
            "",
        ),
        (
            "the same code for a bad field",
            Reply::Json(422, refusal(40_010_001, "limit orders require a limit price")),
            "rejected",
            "limit orders require a limit price (status 422, code 40010001)",
        ),
        (
            "no money",
            Reply::Json(403, refusal(40_310_000, "insufficient buying power")),
            "rejected",
            "buying power",
        ),
        (
            "unknown symbol",
            Reply::Json(422, refusal(42_210_000, "asset \"ZZZ\" not found")),
            "rejected",
            "ZZZ",
        ),
        (
            "no key",
            Reply::Json(401, refusal(40_110_000, "request is not authorized")),
            "rejected",
            "status 401",
        ),
        ("refused in words only", Reply::Text(403, plain(), "forbidden.".into()), "rejected", "forbidden."),
        ("refused without a word", Reply::Text(404, vec![], String::new()), "rejected", "no reason given"),
        ("its own fault", Reply::Text(500, plain(), "oops".into()), "unknown", "500"),
        ("a gateway's fault", Reply::Text(504, plain(), "timeout".into()), "unknown", "504"),
        ("a timeout, it says", Reply::Text(408, plain(), String::new()), "unknown", "408"),
        ("no answer", Reply::Silence, "unknown", "no whole answer within"),
        ("hung up", Reply::HangUp, "unknown", ""),
        (
            "half an answer",
            Reply::Raw(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"id\""
                    .into(),
            ),
            "unknown",
            "half an answer",
        ),
        ("an order in the wrong types", Reply::Json(200, json!({"id": 5})), "unknown", "order: "),
        (
            "too many",
            Reply::Text(429, vec![("retry-after", "1".to_owned())], String::new()),
            "rate_limited",
            "",
        ),
    ];
    for (what, reply, expected, said) in cases {
        let mut reply = Some(reply);
        let far = FarSide::start(move |_| reply.take().unwrap_or(Reply::HangUp)).await;
        let (name, words) = named(alpaca(&far.url, &database.pool).place(&buy_ten()).await);
        assert_eq!(name, expected, "{what}: {words}");
        assert!(words.contains(said), "{what}: {words:?} says {said:?}");
        let seen = far.seen();
        assert_eq!(seen.len(), 1, "{what}: an order is sent once");
        assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("POST", "/v2/orders"));
        let body: Value = serde_json::from_str(&seen[0].body).expect("the body is JSON");
        assert_eq!((&body["client_order_id"], &body["qty"]), (&json!("cap-1"), &json!("10")));
    }
}

#[tokio::test]
async fn what_never_left_is_not_sent() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|_| Reply::HangUp).await;
    let url = far.url.clone();
    drop(far);
    // A name that no resolver knows, and a port that nobody listens on any more.
    for url in [url.as_str(), "http://nowhere.invalid:1"] {
        let mut options = options(url);
        options.timeout = Duration::from_secs(10);
        let broker = jobs::broker::alpaca::Alpaca::new(options, &database.pool, &ExternalMetrics::default());
        let broker = broker.expect("the URL is one");
        let (name, words) = named(broker.place(&buy_ten()).await);
        assert_eq!(name, "not_sent", "{url}: {words}");
    }
}

#[tokio::test]
async fn questions_and_cancellations_tell_absence_from_failure() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|seen| match seen.target.as_str() {
        "/v2/orders:by_client_order_id?client_order_id=known" => {
            Reply::Json(200, order_json("o1", "2026-03-02T15:04:05Z"))
        }
        "/v2/orders/working" => Reply::Text(204, vec![], String::new()),
        "/v2/orders/filled" => Reply::Json(422, refusal(42_210_000, "order is already in \"filled\" state")),
        "/v2/orders/leaving" => Reply::Json(422, refusal(42_210_000, "order pending cancel")),
        "/v2/orders/odd" => Reply::Json(422, refusal(42_210_000, "something else")),
        _ => Reply::Json(404, refusal(40_410_000, "order not found")),
    })
    .await;
    let broker = alpaca(&far.url, &database.pool);
    let found = broker.order_by_client_id("known").await.expect("an answer");
    assert_eq!(found.expect("an order").id, "o1");
    assert_eq!(broker.order_by_client_id("other/../x").await, Ok(None));
    assert_eq!(broker.order("none").await, Ok(None));
    assert_eq!(broker.position("ZZZ").await, Ok(None));
    for (id, expected) in [
        ("working", CancelOutcome::Requested),
        ("leaving", CancelOutcome::Requested),
        ("filled", CancelOutcome::AlreadyOver("order is already in \"filled\" state".into())),
        ("none", CancelOutcome::NotFound),
    ] {
        assert_eq!(broker.cancel(id).await, Ok(expected), "{id}");
    }
    assert!(matches!(broker.cancel("odd").await, Err(BrokerError::Refused(_))));
    let targets: Vec<String> = far.seen().into_iter().map(|seen| seen.target).collect();
    assert!(
        targets.contains(&"/v2/orders:by_client_order_id?client_order_id=other%2F..%2Fx".to_owned()),
        "{targets:?}"
    );
}

#[tokio::test]
async fn a_404_that_is_not_the_brokers_word_is_no_absence() {
    let database = TestDatabase::create().await;
    let html = || vec![("content-type", "text/html".to_owned())];
    let far = FarSide::start(move |_| Reply::Text(404, html(), "<h1>Not Found</h1>".into())).await;
    let broker = alpaca(&far.url, &database.pool);
    let found = broker.order_by_client_id("cap-1").await;
    assert!(matches!(found, Err(BrokerError::Malformed { .. })), "{found:?}");
    let cancelled = broker.cancel("o1").await;
    assert!(matches!(cancelled, Err(BrokerError::Malformed { .. })), "{cancelled:?}");
}
