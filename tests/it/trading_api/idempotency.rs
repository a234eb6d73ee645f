//! The same request twice is one order.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use suites::{SignedIn, TestApp};

use super::by_hand;

async fn send(user: &SignedIn, path: &str, key: &str, body: &Value) -> (StatusCode, Value, bool) {
    let request = user.request(Method::POST, path).header("idempotency-key", key).json(body);
    let response = request.send().await.expect("an answer");
    let replayed = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
    (response.status(), response.json().await.expect("JSON"), replayed)
}

async fn orders(app: &TestApp) -> i64 {
    by_hand::count(app, "select count(*) from orders").await
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_and_no_second_order() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for (n, (path, expected)) in
        [("/api/orders", 201), ("/api/trading/orders", 201), ("/api/alpaca/orders", 200)]
            .into_iter()
            .enumerate()
    {
        let body = json!({"symbol": "AAPL", "side": "buy", "qty": n + 1});
        let key = format!("key-{n}");
        let (status, first, replayed) = send(&user, path, &key, &body).await;
        assert_eq!((status.as_u16(), replayed), (expected, false), "{first}");
        by_hand::fill(&app, by_hand::id_of(&first), "1", "100").await;
        // Spaces and the order of keys make no other request.
        let again = format!("{{ \"qty\": {}, \"side\": \"buy\",\n\"symbol\": \"AAPL\" }}", n + 1);
        let again: Value = serde_json::from_str(&again).expect("JSON");
        for _ in 0..3 {
            assert_eq!(send(&user, path, &key, &again).await, (status, first.clone(), true), "{path}");
        }
        assert_eq!(orders(&app).await, i64::try_from(n + 1).expect("small"));
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_user() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
    assert_eq!(send(&user, "/api/orders", "k", &body).await.0, 201);
    let changed = json!({"symbol": "AAPL", "side": "buy", "qty": 2});
    for (path, body) in [("/api/orders", &changed), ("/api/alpaca/orders", &body)] {
        let (status, reply, _) = send(&user, path, "k", body).await;
        assert_eq!(
            (status.as_u16(), &reply["code"]),
            (422, &json!("IDEMPOTENCY_MISMATCH")),
            "{path}: {reply}"
        );
    }
    let (status, reply, replayed) = send(&other, "/api/orders", "k", &body).await;
    assert_eq!((status.as_u16(), replayed), (201, false), "another's key is their own: {reply}");
    assert_eq!(orders(&app).await, 2);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
    user.post("/api/risk/kill-switch", &json!({"activate": true})).await;
    assert_eq!(send(&user, "/api/orders", "k", &body).await.0, 422);
    user.post("/api/risk/kill-switch", &json!({"activate": false})).await;
    let (status, reply, replayed) = send(&user, "/api/orders", "k", &body).await;
    assert_eq!((status.as_u16(), replayed), (201, false), "{reply}");
}

#[tokio::test]
async fn many_at_once_are_one_order() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
    let all = (0..12).map(|_| send(&user, "/api/orders", "storm", &body));
    let answers = futures::future::join_all(all).await;
    let mut first = None;
    for (status, reply, _) in &answers {
        match status.as_u16() {
            201 => assert_eq!(first.get_or_insert(reply), &reply),
            409 => assert_eq!(reply["code"], "REQUEST_IN_FLIGHT", "{reply}"),
            _ => panic!("{status}: {reply}"),
        }
    }
    assert_eq!(answers.iter().filter(|(status, _, replayed)| *status == 201 && !replayed).count(), 1);
    assert_eq!(orders(&app).await, 1);
}

#[tokio::test]
async fn the_first_one_at_work_makes_the_second_wait_and_then_come_back() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let mut held = app.pool.begin().await.expect("a transaction");
    sqlx::query(
        "insert into idempotency_keys (user_id, key, method, path, body_hash)
         values ($1::uuid, 'k', 'POST', '/api/orders', sha256('x'))",
    )
    .bind(&user.user_id)
    .execute(&mut *held)
    .await
    .expect("the first one's record");
    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
    let (status, reply, _) = send(&user, "/api/orders", "k", &body).await;
    assert_eq!((status.as_u16(), &reply["code"]), (409, &json!("REQUEST_IN_FLIGHT")), "{reply}");
    held.rollback().await.expect("the first one fails");
    assert_eq!(send(&user, "/api/orders", "k", &body).await.0, 201);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
    for key in ["", " ", &"k".repeat(256)] {
        let (status, reply, _) = send(&user, "/api/orders", key, &body).await;
        assert_eq!((status.as_u16(), &reply["code"]), (400, &json!("INVALID_IDEMPOTENCY_KEY")), "{key:?}");
    }
    assert_eq!(orders(&app).await, 0);
    assert_eq!(send(&user, "/api/orders", &"k".repeat(255), &body).await.0, 201);
}
