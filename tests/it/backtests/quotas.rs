//! How much one user may ask for.

use serde_json::{Value, json};
use suites::{SignedIn, TestApp, requests};

use super::by_hand;

fn with(change: &Value) -> Value {
    let mut body = requests::report_backtest();
    for (key, value) in change.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

async fn refused(user: &SignedIn, path: &str, body: &Value, field: &str) {
    let (status, reply, _) = user.post(path, body).await;
    assert_eq!((status.as_u16(), &reply["code"]), (400, &json!("INVALID_FIELD")), "{path} {field}: {reply}");
    assert_eq!(reply["details"]["field"], field, "{path}: {reply}");
}

#[tokio::test]
async fn a_user_has_a_limited_number_of_unfinished_runs() {
    let app = TestApp::builder().config(|config| config.backtest.max_unfinished_per_user = 2).start().await;
    let (user, other) = tokio::join!(app.signed_up(), app.signed_up());
    let (first, _) = by_hand::submit(&user).await;
    by_hand::submit(&user).await;
    for path in ["/api/backtests", "/api/backtests/run"] {
        let (status, reply, headers) = user.post(path, &requests::report_backtest()).await;
        assert_eq!((status.as_u16(), &reply["code"]), (429, &json!("TOO_MANY_RUNS")), "{reply}");
        assert_eq!(headers["retry-after"], "5");
    }
    by_hand::submit(&other).await;
    by_hand::complete(&app.pool, first).await;
    by_hand::submit(&user).await;
    let (status, ..) = user.post("/api/backtests", &requests::report_backtest()).await;
    assert_eq!(status, 429);
}

#[tokio::test]
async fn free_form_settings_and_reasons_are_of_limited_length() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let long = json!({"type": "momentum", "x": "y".repeat(16 * 1024)});
    for field in ["strategyConfig", "strategyParams", "feesModel"] {
        refused(&user, "/api/backtests", &with(&json!({ field: long.clone() })), field).await;
    }
    for field in ["parameters", "config"] {
        let body = json!({"name": "s", "type": "momentum", field: long.clone()});
        refused(&user, "/api/strategies", &body, field).await;
    }
    let (id, _) = by_hand::submit(&user).await;
    let cancel = format!("/api/backtests/{id}/cancel");
    refused(&user, &cancel, &json!({"reason": "ä".repeat(501)}), "reason").await;
    let (status, reply, _) = user.post(&cancel, &json!({"reason": "ä".repeat(500)})).await;
    assert_eq!(status, 200, "{reply}");
}

#[tokio::test]
async fn the_audit_log_does_not_repeat_long_settings() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let long = json!({"x": "y".repeat(16_000)});
    let strategy = json!({"name": "s", "type": "momentum", "parameters": long, "config": long});
    let (status, strategy, _) = user.post("/api/strategies", &strategy).await;
    assert_eq!(status, 200, "{strategy}");
    let path = format!("/api/strategies/{}", strategy["id"].as_str().expect("an id"));
    assert_eq!(user.put(&path, &json!({"name": "t"})).await.0, 200);
    let (_, run) =
        by_hand::submit_as(&user, &with(&json!({"strategyConfig": {"type": "momentum", "x": long}}))).await;
    assert_eq!(run["strategyConfig"]["x"], long, "the run itself has all of it");
    let longest: i32 = sqlx::query_scalar(
        "select max(coalesce(length(before::text), 0) + coalesce(length(after::text), 0)) from audit_log",
    )
    .fetch_one(&app.pool)
    .await
    .expect("the database answers");
    assert!(longest < 6_000, "{longest}");
}

#[tokio::test]
async fn a_run_on_the_default_symbols_says_so() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (_, run) = by_hand::submit(&user).await;
    assert_eq!(run["universeDefaulted"], false);
    assert_eq!(run["strategyConfig"]["effective"]["rule"]["rsi_period"], 14, "{run}");
    let body = with(&json!({"universe": null, "strategyConfig": {"type": "momentum", "zebra": 1}}));
    let (_, run) = by_hand::submit_as(&user, &body).await;
    assert_eq!((&run["universeDefaulted"], &run["notModelled"]), (&json!(true), &json!(["zebra"])), "{run}");
    let stored = json!({"name": "s", "type": "momentum", "assets": [], "config": {"symbols": ["MSFT"]}});
    let (_, strategy, _) = user.post("/api/strategies", &stored).await;
    let body = json!({"strategyId": strategy["id"], "startDate": "2024-01-02", "endDate": "2024-03-01"});
    let (_, run) = by_hand::submit_as(&user, &body).await;
    assert_eq!((&run["universe"], &run["universeDefaulted"]), (&json!(["MSFT"]), &json!(false)), "{run}");
}
