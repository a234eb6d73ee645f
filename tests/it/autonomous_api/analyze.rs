//! Asking about a symbol: a worker asks the analysts, and believes no price but its own.

use std::time::Duration;

use serde_json::{Value, json};
use suites::eventually;

use super::by_hand as rows;
use crate::trading_api::by_hand;

const ANALYZE: &str = "/api/ai/analyze";
/// A worker on a busy machine.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_request_names_symbol_and_market_data() {
    let app = by_hand::with_broker().config(|config| config.api.analysis_wait_ms = 0).start().await;
    let user = app.signed_up().await;
    for body in [
        json!({}),
        json!({"symbol": "AAPL"}),
        json!({"symbol": "AAPL", "marketData": 7}),
        json!({"symbol": "no symbol", "marketData": {}}),
        json!({"symbol": 7, "marketData": {}}),
        json!({"symbol": "AAPL", "marketData": {}, "strategyId": "mine"}),
        json!({"symbol": "AAPL", "marketData": {"text": "x".repeat(20_000)}}),
    ] {
        let (code, reply, _) = user.post(ANALYZE, &body).await;
        assert_eq!((code.as_u16(), &reply["code"]), (400, &json!("INVALID_FIELD")), "{reply}");
    }
    let strategy = uuid::Uuid::now_v7();
    let body = json!({"symbol": "AAPL", "marketData": {}, "strategyId": strategy});
    assert_eq!(user.post(ANALYZE, &body).await.0, 404, "another's strategy is not found");
}

#[tokio::test]
async fn an_analysis_that_takes_longer_is_told_by_its_id() {
    let app = by_hand::with_broker().config(|config| config.api.analysis_wait_ms = 0).start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "AAPL", "marketData": {"price": 100}});
    let (code, first, _) = user.post(ANALYZE, &body).await;
    assert_eq!((code.as_u16(), &first["status"]), (202, &json!("pending")), "{first}");
    let (_, second, _) = user.post(ANALYZE, &body).await;
    assert_eq!(first["id"], second["id"], "what is being asked is not asked twice");
}

#[tokio::test]
async fn the_analysts_are_asked_with_our_price() {
    let app =
        by_hand::with_broker().workers(1).config(|config| config.api.analysis_wait_ms = 14_000).start().await;
    let user = app.signed_up().await;
    rows::quote(&app, "AAPL", "100").await;
    rows::rising_bars(&app, "AAPL", 260).await;
    let body = json!({"symbol": "aapl", "marketData": {"price": 1}, "newsContext": ["AAPL ships"]});
    let (_, reply, _) = user.post(ANALYZE, &body).await;
    let id = reply["id"].as_str().expect("an id").to_owned();
    let decision = eventually("the decision appears", SOON, async || {
        let (_, list, _) = user.get("/api/ai/decisions").await;
        list.as_array().and_then(|list| list.iter().find(|row| row["id"] == json!(id)).cloned())
    })
    .await;
    assert_eq!((&decision["origin"], &decision["symbol"]), (&json!("request"), &json!("AAPL")), "{decision}");
    assert_eq!(decision["entryPrice"], json!(100.0), "the caller's price is not believed: {decision}");
    assert_eq!(decision["marketContext"]["callers"], json!({"price": 1}), "{decision}");
    for key in ["action", "riskLevel", "reasoning", "traceId", "createdAt"] {
        assert!(decision[key].is_string(), "{key}: {decision}");
    }
}

#[tokio::test]
async fn without_a_price_of_our_own_the_answer_is_to_hold() {
    let app =
        by_hand::with_broker().workers(1).config(|config| config.api.analysis_wait_ms = 14_000).start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "IBM", "marketData": {"price": 100, "bars": [1, 2, 3]}});
    let (_, reply, _) = user.post(ANALYZE, &body).await;
    let id = reply["id"].as_str().expect("an id").to_owned();
    let decision = eventually("the decision appears", SOON, async || {
        let (_, list, _) = user.get("/api/ai/decisions").await;
        list.as_array().and_then(|list| list.iter().find(|row| row["id"] == json!(id)).cloned())
    })
    .await;
    assert_eq!((&decision["action"], &decision["entryPrice"]), (&json!("hold"), &Value::Null), "{decision}");
    let reasoning = decision["reasoning"].as_str().unwrap_or_default();
    assert!(reasoning.contains("IBM"), "{decision}");
}
