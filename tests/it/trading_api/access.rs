//! Who may do what: nobody without a session, nobody to another's orders.

use reqwest::Method;
use serde_json::{Value, json};

use super::by_hand;

/// Every operation of this resource, with `id` in its place.
fn operations(id: &str) -> Vec<(Method, String)> {
    let document = api::openapi::document();
    let paths = document["paths"].as_object().expect("paths");
    let mut found = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            if operation["tags"] == json!(["trading"]) {
                let method = method.to_uppercase().parse().expect("a method");
                found.push((method, path.replace("{id}", id)));
            }
        }
    }
    assert!(found.len() > 40, "the routes have moved: {found:?}");
    found
}

#[tokio::test]
async fn nobody_learns_anything_without_a_session() {
    let app = by_hand::start().await;
    let owner = app.signed_up().await;
    let order = by_hand::buy(&owner, "AAPL", 1).await;
    for id in [by_hand::id_of(&order).to_string().as_str(), "nonsense"] {
        for (method, path) in operations(id) {
            let request = app.client().request(method.clone(), format!("{}{path}", app.url));
            let response = request.body("not json").send().await.expect("an answer");
            assert_eq!(response.status(), 401, "{method} {path}");
            let body: Value = response.json().await.expect("an error is JSON");
            assert_eq!(body["code"], "NO_SESSION", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_someone_elses_is_not_found_on_any_route() {
    let app = by_hand::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let order = by_hand::id_of(&by_hand::buy(&owner, "AAPL", 10).await);
    by_hand::fill(&app, order, "5", "100").await;
    let body = json!({"minutes": 5, "reason": "mine"});
    let (status, lock, _) = owner.post("/api/risk/locks", &body).await;
    assert_eq!(status, 201, "{lock}");
    let before = owner.get(&format!("/api/orders/{order}")).await.1;
    let brokers_id = format!("broker-{}", order.simple());
    let lock_id = lock["id"].as_str().expect("an id");
    let absent = uuid::Uuid::now_v7().to_string();
    let mut tried = 0;
    for id in [order.to_string().as_str(), &brokers_id, "AAPL", lock_id, &absent, "nonsense", "%00"] {
        for (method, path) in operations(id).into_iter().filter(|(_, path)| path.contains(id)) {
            let mut request = other.request(method.clone(), &path);
            if method != Method::GET && method != Method::DELETE {
                request = request.json(&json!({"qty": 1, "reason": "stolen"}));
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), 404, "{method} {path}");
            let reply: Value = response.json().await.expect("JSON");
            assert_eq!(reply["code"], "NOT_FOUND", "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried >= 60, "the routes with an id have moved: {tried}");
    assert_eq!(owner.get(&format!("/api/orders/{order}")).await.1["order"], before["order"]);
    assert_eq!(owner.get("/api/risk/locks").await.1, json!([lock]));
}

#[tokio::test]
async fn lists_show_what_is_the_callers() {
    let app = by_hand::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let order = by_hand::id_of(&by_hand::buy(&owner, "AAPL", 10).await);
    by_hand::fill(&app, order, "10", "100").await;
    for (path, pointer) in [
        ("/api/orders", "/orders"),
        ("/api/orders/recent", "/orders"),
        ("/api/trading/orders", ""),
        ("/api/alpaca/orders", ""),
        ("/api/positions", "/positions"),
        ("/api/trading/positions", ""),
        ("/api/alpaca/positions", ""),
        ("/api/fills", "/fills"),
        ("/api/trades", ""),
        ("/api/trades/enriched", "/trades"),
        ("/api/positions/snapshot", "/positions"),
        ("/api/activity/timeline?category=order", "/events"),
    ] {
        for (user, at_least) in [(&owner, 1), (&other, 0)] {
            let (status, reply, _) = user.get(path).await;
            assert_eq!(status, 200, "{path}: {reply}");
            let found = reply.pointer(pointer).and_then(Value::as_array).map(Vec::len);
            let found = found.unwrap_or_else(|| panic!("no list in {path}: {reply}"));
            assert!(if at_least == 0 { found == 0 } else { found >= at_least }, "{path}: {reply}");
        }
    }
}
