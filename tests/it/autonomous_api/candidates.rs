//! What may be bought: proposing, approving, rejecting.

use serde_json::{Value, json};

use super::by_hand::{self as rows, Written};
use crate::trading_api::by_hand::{self, count};

#[tokio::test]
async fn the_universe_is_scored_and_nothing_is_approved_by_it() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    rows::universe(&app, &["AAPL", "MSFT"]).await;
    let (code, reply, _) = user.post_empty("/api/candidates/generate").await;
    assert_eq!(code, 200, "{reply}");
    assert_eq!((&reply["success"], &reply["generated"]), (&json!(true), &json!(2)), "{reply}");
    assert!(reply["duration"].is_u64() && reply["traceId"].is_string(), "{reply}");
    let (_, list, _) = user.get("/api/candidates").await;
    let list = list.as_array().expect("a plain array").clone();
    assert_eq!(list.len(), 2, "{list:?}");
    for candidate in &list {
        assert_eq!(candidate["status"], "NEW", "{candidate}");
        assert!(candidate["score"].is_f64() && candidate["liquidityScore"].is_f64(), "{candidate}");
        for key in ["id", "symbol", "rationale", "createdAt", "updatedAt"] {
            assert!(candidate[key].is_string(), "{key}: {candidate}");
        }
    }
    user.post_empty("/api/candidates/MSFT/approve").await;
    let (_, reply, _) = user.post_empty("/api/candidates/generate").await;
    assert_eq!((&reply["generated"], &reply["updated"]), (&json!(0), &json!(2)), "{reply}");
    let (_, approved, _) = user.get("/api/candidates?status=approved").await;
    assert_eq!(approved[0]["symbol"], "MSFT", "what the user decided stays: {approved}");
    assert_eq!(other.get("/api/candidates").await.1, json!([]), "they are the user's");
}

#[tokio::test]
async fn a_candidate_is_approved_and_rejected_by_its_user_alone() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    rows::candidate(&app, &user, "AAPL", "NEW").await;
    for (path, before, after) in [
        ("/api/candidates/aapl/approve", "NEW", "APPROVED"),
        ("/api/candidates/AAPL/reject", "APPROVED", "REJECTED"),
        ("/api/candidates/AAPL/approve", "REJECTED", "APPROVED"),
    ] {
        let (code, reply, _) = user.post_empty(path).await;
        let expected =
            json!({"success": true, "symbol": "AAPL", "previousStatus": before, "newStatus": after});
        assert_eq!((code.as_u16(), &reply), (200, &expected), "{path}");
    }
    let audited = "select count(*) from audit_log where action in ('approve_candidate', 'reject_candidate')";
    assert_eq!(count(&app, audited).await, 3);
    for path in ["/api/candidates/AAPL/approve", "/api/candidates/AAPL/reject"] {
        let (code, reply, _) = other.post_empty(path).await;
        assert_eq!((code.as_u16(), &reply["code"]), (404, &json!("NOT_FOUND")), "{path}: {reply}");
    }
    let (code, _, _) = user.post_empty("/api/candidates/NOPE/approve").await;
    assert_eq!(code, 404);
    let (_, list, _) = user.get("/api/candidates?status=APPROVED&limit=1").await;
    assert_eq!(
        (&list[0]["symbol"], &list[0]["approvedBy"]),
        (&json!("AAPL"), &json!(user.user_id)),
        "{list}"
    );
}

#[tokio::test]
async fn queries_of_candidates_are_checked() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for query in ["status=GOOD", "limit=0", "limit=501", "limit=x", "offset=-1"] {
        let (code, reply, _) = user.get(&format!("/api/candidates?{query}")).await;
        assert_eq!((code.as_u16(), &reply["code"]), (400, &json!("INVALID_QUERY")), "{query}: {reply}");
    }
}

#[tokio::test]
async fn candidates_of_trades_are_confident_decisions_that_wait() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let mut shown = Vec::new();
    for (action, confidence, status, is_shown) in [
        ("buy", "0.6", "pending", true),
        ("sell", "0.9", "approved", true),
        ("buy", "0.59", "pending", false),
        ("hold", "0.9", "skipped", false),
        ("buy", "0.9", "filled", false),
        ("buy", "0.9", "rejected", false),
    ] {
        let id =
            rows::decide(&app, &user, &Written { action, confidence, status, ..Written::default() }).await;
        if is_shown {
            shown.push(id.to_string());
        }
    }
    let (code, list, _) = user.get("/api/trading/candidates").await;
    assert_eq!(code, 200, "{list}");
    let id = |decision: &Value| decision["id"].as_str().map(str::to_owned);
    let mut ids: Vec<String> = list.as_array().expect("an array").iter().filter_map(id).collect();
    ids.reverse();
    assert_eq!(ids, shown, "newest first: {list}");
    for key in ["confidence", "entryPrice", "stopLoss", "takeProfit"] {
        assert!(list[0][key].is_f64(), "{key}: {list}");
    }
    assert_eq!(user.get("/api/trading/candidates?limit=1").await.1.as_array().map(Vec::len), Some(1));
    assert_eq!(user.get("/api/trading/candidates?limit=0").await.1["code"], Value::from("INVALID_QUERY"));
}
