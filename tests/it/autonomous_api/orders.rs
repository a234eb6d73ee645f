//! The end of orders and positions, from the agent's screen.

use serde_json::{Value, json};
use suites::TestApp;

use crate::trading_api::by_hand::{self, count};

#[tokio::test]
async fn all_orders_or_the_stale_ones_are_canceled() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let old = by_hand::id_of(&by_hand::buy(&user, "AAPL", 1).await);
    let new = by_hand::id_of(&by_hand::buy(&user, "MSFT", 1).await);
    by_hand::buy(&other, "MSFT", 1).await;
    sqlx::query("update orders set created_at = created_at - interval '2 hours' where order_id = $1")
        .bind(old)
        .execute(&app.pool)
        .await
        .expect("the order grows older");
    for sent in [json!(0), json!("x"), json!(-5), json!(1.5)] {
        let (code, reply, _) =
            user.post("/api/autonomous/cancel-stale-orders", &json!({"maxAgeMinutes": sent})).await;
        assert_eq!((code.as_u16(), &reply["details"]["field"]), (400, &json!("maxAgeMinutes")), "{reply}");
    }
    let (code, reply, _) = user.post_empty("/api/autonomous/cancel-stale-orders").await;
    assert_eq!((code.as_u16(), &reply["orderIds"]), (200, &json!([old])), "{reply}");
    let (code, reply, _) = user.post_empty("/api/autonomous/cancel-all-orders").await;
    assert_eq!((code.as_u16(), &reply["orderIds"]), (200, &json!([new])), "{reply}");
    assert_eq!((&reply["success"], &reply["cancelledCount"]), (&json!(true), &json!(1)), "{reply}");
    assert_eq!(user.get("/api/autonomous/open-orders").await.1, json!([]));
    assert_eq!(other.get("/api/autonomous/open-orders").await.1.as_array().map(Vec::len), Some(1));
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'cancel_order'").await, 2);
}

#[tokio::test]
async fn positions_are_closed_by_the_same_jobs() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    for symbol in ["AAPL", "MSFT"] {
        let order = by_hand::id_of(&by_hand::buy(&user, symbol, 1).await);
        by_hand::fill(&app, order, "1", "100").await;
    }
    for body in [json!({}), json!({"symbol": 7}), json!({"symbol": " "})] {
        let (code, reply, _) = user.post("/api/autonomous/close-position", &body).await;
        assert_eq!((code.as_u16(), &reply["details"]["field"]), (400, &json!("symbol")), "{body}: {reply}");
    }
    let body = json!({"symbol": "aapl"});
    let (code, reply, _) = other.post("/api/autonomous/close-position", &body).await;
    assert_eq!((code.as_u16(), &reply["code"]), (404, &json!("NOT_FOUND")), "{reply}");
    let (code, reply, _) = user.post("/api/autonomous/close-position", &body).await;
    assert_eq!((code.as_u16(), &reply["positionsClosing"]), (200, &json!(1)), "{reply}");
    assert_eq!(closing(&app).await, 1);
    let (code, reply, _) = user.post_empty("/api/autonomous/close-all-positions").await;
    assert_eq!((code.as_u16(), &reply["positionsClosing"]), (200, &json!(2)), "{reply}");
    assert_eq!(closing(&app).await, 2, "one that is being closed is not closed twice");
}

async fn closing(app: &TestApp) -> i64 {
    count(app, "select count(*) from queue.jobs where kind = 'close_position'").await
}

#[tokio::test]
async fn positions_are_held_against_the_brokers_on_demand() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let (code, reply, _) = user.get("/api/autonomous/reconcile-positions").await;
    assert_eq!((code.as_u16(), &reply["success"], &reply["lastRun"]), (200, &json!(true), &Value::Null));
    let queued = "select count(*) from queue.jobs where kind = 'reconcile_positions'";
    assert_eq!(count(&app, queued).await, 0, "reading changes nothing");
    let (code, reply, _) = user.post_empty("/api/autonomous/sync-positions").await;
    assert_eq!((code.as_u16(), &reply["success"]), (200, &json!(true)), "{reply}");
    assert!(reply["workItemId"].is_string(), "{reply}");
    assert_eq!(count(&app, queued).await, 1);
}

#[tokio::test]
async fn without_a_broker_what_needs_one_says_so() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for (path, body) in [
        ("/api/autonomous/close-all-positions", json!({})),
        ("/api/autonomous/sync-positions", json!({})),
        ("/api/autonomous/execute-trades", json!({"decisionIds": ["x"]})),
    ] {
        let (code, reply, _) = user.post(path, &body).await;
        assert_eq!(
            (code.as_u16(), &reply["code"]),
            (503, &json!("BROKER_NOT_CONFIGURED")),
            "{path}: {reply}"
        );
    }
    assert_eq!(user.post_empty("/api/autonomous/start").await.0, 200, "an agent may run without one");
}
