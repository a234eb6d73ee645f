//! Decisions with what became of them, from rows.

use serde_json::{Value, json};

use super::by_hand::{self as rows, Written};
use crate::trading_api::by_hand;

#[tokio::test]
async fn a_decision_is_followed_from_its_gates_to_its_exit() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let entry = by_hand::id_of(&by_hand::buy(&user, "AAPL", 10).await);
    by_hand::fill(&app, entry, "4", "100").await;
    by_hand::fill(&app, entry, "10", "100").await;
    let gates = json!([{"gate": "candidate", "passed": true, "message": "it is approved",
        "at": "2026-01-05T15:00:00Z"}]);
    let written = Written { order_id: Some(entry), status: "filled", gates, ..Written::default() };
    let id = rows::decide(&app, &user, &written).await;
    let skipped =
        Written { status: "skipped", skip_reason: Some("candidate: not approved"), ..Written::default() };
    rows::decide(&app, &user, &skipped).await;
    let (code, reply, _) = user.get("/api/ai-decisions/enriched").await;
    assert_eq!(code, 200, "{reply}");
    assert_eq!((&reply["total"], &reply["hasMore"]), (&json!(2), &json!(false)), "{reply}");
    let held_back = &reply["enrichedDecisions"][0];
    assert_eq!(stages(held_back), ["decision proposed", "risk_gate skipped"], "{held_back}");
    assert_eq!(held_back["linkedOrder"], Value::Null, "{held_back}");
    let open = &reply["enrichedDecisions"][1];
    assert_eq!(open["decision"]["id"], json!(id), "{open}");
    assert_eq!(open["linkedOrder"]["id"], json!(entry), "{open}");
    assert_eq!(open["linkedTrade"]["quantity"], json!(6.0), "{open}");
    assert_eq!(open["linkedPosition"]["quantity"], json!(10.0), "{open}");
    let expected = [
        "decision proposed",
        "risk_gate passed",
        "order filled",
        "fill partial",
        "fill filled",
        "position open",
    ];
    assert_eq!(stages(open), expected, "{open}");

    let body = json!({"symbol": "AAPL", "side": "sell", "qty": 10});
    let (code, sale, _) = user.post("/api/orders", &body).await;
    assert_eq!(code, 201, "{sale}");
    by_hand::fill(&app, by_hand::id_of(&sale), "10", "110").await;
    let (_, reply, _) = user.get("/api/ai-decisions/enriched?status=filled&limit=1").await;
    let closed = &reply["enrichedDecisions"][0];
    assert_eq!(closed["linkedPosition"], Value::Null, "{closed}");
    assert_eq!(stages(closed).last().map(String::as_str), Some("exit closed"), "{closed}");
    let exit = closed["timeline"].as_array().and_then(|all| all.last()).expect("an exit");
    assert_eq!(exit["details"]["pnl"], json!(100.0), "{exit}");
    for stage in closed["timeline"].as_array().expect("stages") {
        assert!(stage["timestamp"].is_string() && stage["details"].is_object(), "{stage}");
    }
}

fn stages(enriched: &Value) -> Vec<String> {
    let timeline = enriched["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |stage: &Value, key: &str| stage[key].as_str().unwrap_or("?").to_owned();
    timeline.iter().map(|stage| format!("{} {}", word(stage, "stage"), word(stage, "status"))).collect()
}
