//! Decisions become orders because their user says so, each on its own.

use serde_json::{Value, json};

use super::by_hand::{self as rows, Written};
use crate::trading_api::by_hand::{self, count};

const EXECUTE: &str = "/api/autonomous/execute-trades";

#[tokio::test]
async fn each_decision_has_its_own_result() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    user.post("/api/autonomous/mode", &json!({"mode": "semi-auto"})).await;
    user.post_empty("/api/autonomous/start").await;
    rows::candidate(&app, &user, "AAPL", "APPROVED").await;
    rows::candidate(&app, &user, "MSFT", "NEW").await;
    for symbol in ["AAPL", "MSFT"] {
        rows::quote(&app, symbol, "100").await;
    }
    let good = rows::decide(&app, &user, &Written::default()).await;
    let unapproved = rows::decide(&app, &user, &Written { symbol: "MSFT", ..Written::default() }).await;
    let over = rows::decide(&app, &user, &Written { status: "skipped", ..Written::default() }).await;
    let foreign = rows::decide(&app, &other, &Written::default()).await;
    let body = json!({"decisionIds": [good, unapproved, over, foreign, "nonsense", good]});
    let (code, reply, _) = user.post(EXECUTE, &body).await;
    assert_eq!(code, 200, "{reply}");
    assert_eq!(reply["success"], false, "not all of them went: {reply}");
    let result = |index: usize| &reply["results"][index];
    assert_eq!((&result(0)["decisionId"], &result(0)["success"]), (&json!(good), &json!(true)), "{reply}");
    assert_eq!(result(0)["order"]["decisionId"], json!(good), "{reply}");
    assert!(result(0)["workItemId"].is_string(), "{reply}");
    for (index, error) in [
        (1, "GATE_REFUSED"),
        (2, "DECISION_NOT_PENDING"),
        (3, "DECISION_NOT_FOUND"),
        (4, "DECISION_NOT_FOUND"),
        (5, "DECISION_NOT_PENDING"),
    ] {
        assert_eq!(result(index)["error"], error, "{index}: {reply}");
        assert_eq!(result(index)["success"], false, "{index}: {reply}");
        assert!(result(index)["message"].is_string(), "{index}: {reply}");
    }
    assert_eq!(count(&app, "select count(*) from orders").await, 1, "one order, whatever was repeated");
    let (_, history, _) = user.get("/api/autonomous/execution-history").await;
    assert_eq!(history[0]["decisionId"], json!(good), "{history}");
    let (_, open, _) = user.get("/api/autonomous/open-orders").await;
    assert_eq!(open.as_array().map(Vec::len), Some(1), "{open}");
    assert_eq!(other.get("/api/trading/candidates").await.1[0]["id"], json!(foreign), "it still waits");
    let audited = "select count(*) from audit_log where action = 'approve_decision'";
    assert!(count(&app, audited).await >= 1);
}

#[tokio::test]
async fn nothing_is_executed_while_the_kill_switch_is_on() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    rows::candidate(&app, &user, "AAPL", "APPROVED").await;
    rows::quote(&app, "AAPL", "100").await;
    let id = rows::decide(&app, &user, &Written::default()).await;
    user.post("/api/autonomous/kill-switch", &json!({"activate": true})).await;
    let (code, reply, _) = user.post(EXECUTE, &json!({"decisionIds": [id]})).await;
    assert_eq!((code.as_u16(), &reply["results"][0]["success"]), (200, &json!(false)), "{reply}");
    assert_eq!(count(&app, "select count(*) from orders").await, 0);
}

#[tokio::test]
async fn a_request_names_decisions() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for body in [
        json!({}),
        json!({"decisionIds": []}),
        json!({"decisionIds": "all"}),
        json!({"decisionIds": [7]}),
        json!({"decisionIds": Value::Null}),
    ] {
        let (code, reply, _) = user.post(EXECUTE, &body).await;
        assert_eq!((code.as_u16(), &reply["details"]["field"]), (400, &json!("decisionIds")), "{reply}");
    }
}
