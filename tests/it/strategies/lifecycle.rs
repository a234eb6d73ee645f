//! Deploy, pause, resume, stop.

use serde_json::{Value, json};
use suites::{SignedIn, TestApp};

use super::{made, minimal, outcome, path_of};

async fn walk(user: &SignedIn, path: &str, steps: &[(&str, u16, &str, Value, bool)]) {
    for (step, status, state, mode, active) in steps {
        let (verb, wanted) = step.split_once(' ').unwrap_or((step, ""));
        let body = if wanted.is_empty() { json!({}) } else { json!({ "mode": wanted }) };
        let (answered, reply, _) = user.post(&format!("{path}/{verb}"), &body).await;
        assert_eq!(answered.as_u16(), *status, "{step}: {reply}");
        let (_, now, headers) = user.get(path).await;
        assert_eq!(
            (now["status"].as_str(), &now["mode"], &now["isActive"]),
            (Some(*state), mode, &json!(active)),
            "{step}"
        );
        assert_eq!(headers["etag"].to_str().ok(), Some(format!("\"{}\"", now["version"]).as_str()));
        if *status == 200 {
            assert_eq!(reply, now, "{step}");
        }
    }
}

async fn finish_a_backtest(app: &TestApp, user: &SignedIn, strategy: &Value) {
    sqlx::query(
        "insert into backtests (backtest_id, user_id, strategy_id, job_id, status, request, config, config_hash,
                                universe, start_date, end_date, initial_cash, finished_at)
         values (gen_random_uuid(), $1::uuid, $2::uuid, gen_random_uuid(), 'DONE', '{}', '{}', 'hash', '{AAPL}',
                 '2024-01-01', '2024-02-01', 1000, clock_timestamp())",
    )
    .bind(&user.user_id)
    .bind(strategy["id"].as_str())
    .execute(&app.pool)
    .await
    .expect("a finished back-test");
}

#[tokio::test]
async fn a_strategy_trades_pauses_goes_on_and_stops() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let strategy = made(&user, &minimal()).await;
    let path = path_of(&strategy);
    walk(
        &user,
        &path,
        &[
            ("pause", 400, "draft", Value::Null, false),
            ("resume", 400, "draft", Value::Null, false),
            ("stop", 400, "draft", Value::Null, false),
            ("deploy live", 422, "draft", Value::Null, false),
            ("deploy demo", 400, "draft", Value::Null, false),
            ("deploy", 400, "draft", Value::Null, false),
            ("deploy paper", 200, "paper", json!("paper"), true),
            ("deploy paper", 200, "paper", json!("paper"), true),
            ("pause", 200, "paused", json!("paper"), false),
            ("pause", 200, "paused", json!("paper"), false),
            ("resume", 200, "paper", json!("paper"), true),
            ("resume", 200, "paper", json!("paper"), true),
            ("deploy live", 422, "paper", json!("paper"), true),
        ],
    )
    .await;
    finish_a_backtest(&app, &user, &strategy).await;
    walk(
        &user,
        &path,
        &[
            ("deploy live", 200, "live", json!("live"), true),
            ("deploy paper", 400, "live", json!("live"), true),
            ("pause", 200, "paused", json!("live"), false),
            ("resume", 200, "live", json!("live"), true),
            ("stop", 200, "stopped", json!("live"), false),
            ("resume", 400, "stopped", json!("live"), false),
            ("deploy paper", 400, "stopped", json!("live"), false),
        ],
    )
    .await;
    let (status, draft, _) = user.put(&path, &json!({"status": "draft"})).await;
    assert_eq!((status.as_u16(), draft["status"].as_str()), (200, Some("draft")));
}

#[tokio::test]
async fn no_way_round_the_backtest_leads_to_live() {
    let app = TestApp::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let live = json!({"name": "s", "type": "momentum", "status": "live"});
    let required = (422, "BACKTEST_REQUIRED".to_owned());
    assert_eq!(outcome(user.post("/api/strategies", &live).await), required);

    let strategy = made(&user, &minimal()).await;
    let path = path_of(&strategy);
    // Neither another strategy's run nor another user's counts.
    let neighbour = made(&user, &minimal()).await;
    finish_a_backtest(&app, &user, &neighbour).await;
    finish_a_backtest(&app, &other, &strategy).await;
    assert_eq!(outcome(user.put(&path, &json!({"status": "live"})).await), required);
    assert_eq!(
        outcome(user.patch(&path, &json!({"status": "live", "lastBacktestId": strategy["id"]})).await),
        required
    );

    user.post(&format!("{path}/deploy"), &json!({"mode": "paper"})).await;
    user.post_empty(&format!("{path}/pause")).await;
    assert_eq!(user.put(&path, &json!({"mode": "live"})).await.0, 200);
    assert_eq!(outcome(user.post_empty(&format!("{path}/resume")).await), required);
    assert_eq!(user.get(&path).await.1["status"], "paused");
}

#[tokio::test]
async fn an_update_follows_the_life_cycle_too() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let path = path_of(&made(&user, &minimal()).await);
    for (status, expected) in [
        ("backtesting", 200),
        ("backtested", 200),
        ("draft", 200),
        ("paused", 400),
        ("stopped", 400),
        ("backtested", 200),
        ("paper", 200),
        ("draft", 400),
        ("paused", 200),
        ("paper", 200),
        ("stopped", 200),
        ("paper", 400),
        ("draft", 200),
    ] {
        let (answered, body, _) = user.put(&path, &json!({ "status": status })).await;
        assert_eq!(answered.as_u16(), expected, "{status}: {body}");
        if expected == 400 {
            assert_eq!(body["code"], "INVALID_TRANSITION");
            assert!(body["details"]["status"].is_string());
        }
    }
}
