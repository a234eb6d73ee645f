//! Who may do what: nobody without a session, nobody to another's agent.

use reqwest::Method;
use serde_json::{Value, json};

use super::by_hand::{self as rows, Written};
use crate::trading_api::by_hand;

/// Every operation of this resource.
fn operations() -> Vec<(Method, String)> {
    let document = api::openapi::document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if operation["tags"] == json!(["autonomous"]) {
                let method = method.to_uppercase().parse().expect("a method");
                found.push((method, path.replace("{id}", "AAPL")));
            }
        }
    }
    assert!(found.len() >= 36, "the routes have moved: {found:?}");
    found
}

#[tokio::test]
async fn nobody_learns_anything_of_an_agent_without_a_session() {
    let app = by_hand::start().await;
    for (method, path) in operations() {
        let request = app.client().request(method.clone(), format!("{}{path}", app.url));
        let response = request.body("not json").send().await.expect("an answer");
        assert_eq!(response.status(), 401, "{method} {path}");
        let body: Value = response.json().await.expect("an error is JSON");
        assert_eq!(body["code"], "NO_SESSION", "{method} {path}");
    }
}

#[tokio::test]
async fn the_lists_of_an_agent_show_what_is_the_callers() {
    let app = by_hand::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let order = by_hand::id_of(&by_hand::buy(&owner, "AAPL", 10).await);
    rows::decide(&app, &owner, &Written::default()).await;
    let ordered = Written { order_id: Some(order), status: "pending_execution", ..Written::default() };
    rows::decide(&app, &owner, &ordered).await;
    rows::candidate(&app, &owner, "AAPL", "APPROVED").await;
    for (path, pointer) in [
        ("/api/ai/decisions", ""),
        ("/api/ai-decisions", ""),
        ("/api/ai-decisions/history", "/decisions"),
        ("/api/ai-decisions/enriched", "/enrichedDecisions"),
        ("/api/ai/events", ""),
        ("/api/trading/candidates", ""),
        ("/api/candidates", ""),
        ("/api/autonomous/execution-history", ""),
        ("/api/autonomous/open-orders", ""),
        ("/api/autonomous/state", "/pendingSignals"),
        ("/api/autonomous/state", "/executionHistory"),
    ] {
        for (user, some) in [(&owner, true), (&other, false)] {
            let (status, reply, _) = user.get(path).await;
            assert_eq!(status, 200, "{path}: {reply}");
            let found = reply.pointer(pointer).and_then(Value::as_array).map(Vec::len);
            let found = found.unwrap_or_else(|| panic!("no list in {path}: {reply}"));
            assert_eq!(found > 0, some, "{path} {pointer}: {reply}");
        }
    }
    let (_, status, _) = other.get("/api/autonomous/status").await;
    assert_eq!((&status["recentDecisions"], &status["lastDecisionTime"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn one_users_agent_is_not_switched_by_another() {
    let app = by_hand::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    assert_eq!(owner.post_empty("/api/autonomous/start").await.0, 200);
    assert_eq!(other.post("/api/autonomous/kill-switch", &json!({"activate": true})).await.0, 200);
    assert_eq!(other.post_empty("/api/autonomous/stop").await.0, 200);
    let (_, status, _) = owner.get("/api/autonomous/status").await;
    assert_eq!((&status["isRunning"], &status["killSwitchActive"]), (&json!(true), &json!(false)));
}
