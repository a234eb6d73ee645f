//! Reading decisions.

use serde_json::{Value, json};

use super::by_hand::{self as rows, Written};
use crate::trading_api::by_hand;

#[tokio::test]
async fn decisions_are_plain_arrays_of_numbers_newest_first() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    assert_eq!(user.get("/api/ai/decisions?limit=1").await.1, json!([]), "nothing is an array, too");
    let first = rows::decide(&app, &user, &Written::default()).await;
    let second = rows::decide(&app, &user, &Written { action: "sell", ..Written::default() }).await;
    for path in ["/api/ai/decisions", "/api/ai-decisions"] {
        let (code, list, _) = user.get(path).await;
        assert_eq!(code, 200, "{path}: {list}");
        assert_eq!(list[0]["id"], json!(second), "{path}");
        assert_eq!(list[1]["id"], json!(first), "{path}");
        let decision = &list[1];
        for (key, expected) in [
            ("symbol", json!("AAPL")),
            ("action", json!("buy")),
            ("confidence", json!(0.8)),
            ("reasoning", json!("it looks so")),
            ("riskLevel", json!("medium")),
            ("strategyId", Value::Null),
            ("status", json!("pending")),
            ("stopLoss", json!(95.0)),
            ("takeProfit", json!(110.0)),
            ("entryPrice", json!(100.0)),
            ("filledPrice", Value::Null),
            ("filledAt", Value::Null),
            ("skipReason", Value::Null),
            ("marketContext", json!({"price": 100})),
            ("metadata", json!({})),
        ] {
            assert_eq!(decision[key], expected, "{key}: {decision}");
        }
        let one = user.get(&format!("{path}?limit=1&offset=1")).await.1;
        assert_eq!(one.as_array().map(Vec::len), Some(1), "{one}");
        assert_eq!(one[0]["id"], json!(first));
    }
}

#[tokio::test]
async fn decisions_are_found_by_state_action_and_strategy() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for (action, status) in [("buy", "pending"), ("sell", "filled"), ("hold", "skipped"), ("buy", "rejected")]
    {
        rows::decide(&app, &user, &Written { action, status, ..Written::default() }).await;
    }
    let strategy = uuid::Uuid::now_v7();
    for (query, expected) in [
        (String::new(), 4),
        ("action=buy".into(), 2),
        ("action=BUY&status=Pending".into(), 1),
        ("status=filled".into(), 1),
        ("status=expired".into(), 0),
        (format!("strategyId={strategy}"), 0),
        ("strategyId=nonsense".into(), 0),
        ("action=".into(), 4),
    ] {
        let (code, list, _) = user.get(&format!("/api/ai-decisions?{query}")).await;
        assert_eq!(code, 200, "{query}: {list}");
        assert_eq!(list.as_array().map(Vec::len), Some(expected), "{query}: {list}");
        let (_, history, _) = user.get(&format!("/api/ai-decisions/history?{query}")).await;
        assert_eq!(history["total"], expected, "{query}: {history}");
        assert_eq!((&history["hasMore"], &history["pendingAnalysis"]), (&json!(false), &json!(1)));
    }
    let (_, history, _) = user.get("/api/ai-decisions/history?limit=3").await;
    assert_eq!((&history["hasMore"], &history["total"]), (&json!(true), &json!(4)), "{history}");
    let (_, history, _) = user.get("/api/ai-decisions/history?limit=3&offset=3").await;
    assert_eq!(history["hasMore"], false, "{history}");
    assert_eq!(history["decisions"].as_array().map(Vec::len), Some(1), "{history}");
}

#[tokio::test]
async fn queries_of_decisions_are_checked() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for path in
        ["/api/ai/decisions", "/api/ai-decisions", "/api/ai-decisions/history", "/api/ai-decisions/enriched"]
    {
        for query in ["limit=0", "limit=501", "limit=x", "offset=-1", "action=short", "status=lost"] {
            let (code, reply, _) = user.get(&format!("{path}?{query}")).await;
            assert_eq!(
                (code.as_u16(), &reply["code"]),
                (400, &json!("INVALID_QUERY")),
                "{path} {query}: {reply}"
            );
        }
    }
}
