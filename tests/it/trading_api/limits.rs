//! Limits, locks, and switches.

use serde_json::{Value, json};
use worker::commands::admin::{AdminArgs, act};

use super::by_hand;

#[tokio::test]
async fn the_limits_begin_as_documented_and_change_one_by_one() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let (status, settings, _) = user.get("/api/risk/settings").await;
    assert_eq!(status, 200);
    for (key, expected) in [
        ("killSwitchActive", json!(false)),
        ("maxPositionSizePercent", json!("10")),
        ("maxTotalExposurePercent", json!("50")),
        ("maxPositionsCount", json!(10)),
        ("dailyLossLimitPercent", json!("5")),
    ] {
        assert_eq!(settings[key], expected, "{key}: {settings}");
    }
    let body = json!({"maxPositionSizePercent": 12.5, "maxPositionsCount": "7"});
    let (status, changed, _) = user.post("/api/risk/settings", &body).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        (&changed["maxPositionSizePercent"], &changed["maxPositionsCount"]),
        (&json!("12.5"), &json!(7))
    );
    assert_eq!(changed["dailyLossLimitPercent"], "5", "what is not sent stays");
    assert_eq!(user.get("/api/risk/settings").await.1, changed);
    let audited = "select count(*) from audit_log where action = 'update_risk_settings'";
    assert_eq!(by_hand::count(&app, audited).await, 1);
}

#[tokio::test]
async fn a_limit_out_of_range_changes_nothing_and_every_fault_is_told() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let before = user.get("/api/risk/settings").await.1;
    for (field, value) in [
        ("maxPositionSizePercent", json!(0)),
        ("maxPositionSizePercent", json!("101")),
        ("maxTotalExposurePercent", json!(301)),
        ("maxPositionsCount", json!(0)),
        ("maxPositionsCount", json!(1.5)),
        ("dailyLossLimitPercent", json!("x")),
        ("dailyLossLimitPercent", json!([])),
    ] {
        let (status, reply, _) = user.post("/api/risk/settings", &json!({ field: value })).await;
        assert_eq!((status.as_u16(), &reply["details"]["field"]), (400, &json!(field)), "{reply}");
    }
    let body = json!({"maxPositionSizePercent": -1, "maxPositionsCount": 1000, "dailyLossLimitPercent": 5});
    let (_, reply, _) = user.post("/api/risk/settings", &body).await;
    assert_eq!(reply["details"]["errors"].as_array().map(Vec::len), Some(2), "{reply}");
    assert_eq!(user.get("/api/risk/settings").await.1, before);
}

#[tokio::test]
async fn the_kill_switch_takes_a_boolean_and_nothing_else() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    for body in [json!({}), json!({"activate": "true"}), json!({"activate": 1}), json!({"activate": null})] {
        let (status, reply, _) = user.post("/api/risk/kill-switch", &body).await;
        assert_eq!(
            (status.as_u16(), &reply["details"]["field"]),
            (400, &json!("activate")),
            "{body}: {reply}"
        );
    }
    let body = json!({"activate": true, "reason": "odd <b>fills</b>"});
    let (status, reply, _) = user.post("/api/risk/kill-switch", &body).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!((&reply["killSwitchActive"], &reply["isRunning"]), (&json!(true), &json!(false)));
    let settings = user.get("/api/risk/settings").await.1;
    assert_eq!(settings["killSwitchReason"], "odd fills");
    assert_eq!(other.get("/api/risk/settings").await.1["killSwitchActive"], json!(false));
    let (_, reply, _) = user.post("/api/risk/kill-switch", &json!({"activate": false})).await;
    assert_eq!((&reply["killSwitchActive"], &reply["isRunning"]), (&json!(false), &json!(true)));
    let audited = "select count(*) from audit_log where action like '%kill_switch' and actor_id is not null";
    assert_eq!(by_hand::count(&app, audited).await, 2);
}

#[tokio::test]
async fn a_lock_holds_until_it_ends() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let body = json!({"symbol": "aapl", "minutes": 60, "reason": "earnings"});
    let (status, lock, _) = user.post("/api/risk/locks", &body).await;
    assert_eq!((status.as_u16(), &lock["symbol"]), (201, &json!("AAPL")), "{lock}");
    let order = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
    let (status, reply, _) = user.post("/api/orders", &order).await;
    assert_eq!((status.as_u16(), &reply["details"]["rule"]), (422, &json!("lock")), "{reply}");
    assert_eq!(other.post("/api/orders", &order).await.0, 201, "it holds nobody else");
    by_hand::buy(&user, "MSFT", 1).await;
    let path = format!("/api/risk/locks/{}", lock["id"].as_str().expect("an id"));
    assert_eq!(user.delete(&path).await.0, 204);
    assert_eq!(user.delete(&path).await.0, 404);
    assert_eq!(user.post("/api/orders", &order).await.0, 201);
}

#[tokio::test]
async fn only_an_administrator_holds_everybody() {
    let app = by_hand::start().await;
    let (user, admin) = (app.signed_up().await, app.signed_up().await);
    act(&app.pool, AdminArgs::Grant { username: admin.username.clone() }).await.expect("the user is there");
    let state = json!({"state": "halted", "reason": "the exchange is broken", "everybody": true});
    let lock = json!({"minutes": 5, "reason": "maintenance", "everybody": true});
    for (path, body) in [("/api/risk/state", &state), ("/api/risk/locks", &lock)] {
        let (status, reply, _) = user.post(path, body).await;
        assert_eq!((status.as_u16(), &reply["code"]), (403, &json!("FORBIDDEN")), "{path}: {reply}");
    }
    let (status, reply, _) = admin.post("/api/risk/state", &state).await;
    assert_eq!((status.as_u16(), &reply["platformState"]), (200, &json!("halted")), "{reply}");
    let seen = user.get("/api/risk/state").await.1;
    assert_eq!(
        (&seen["state"], &seen["platformReason"]),
        (&json!("active"), &json!("the exchange is broken"))
    );
    let (status, reply, _) =
        user.post("/api/orders", &json!({"symbol": "AAPL", "side": "buy", "qty": 1})).await;
    assert_eq!((status.as_u16(), &reply["details"]["rule"]), (422, &json!("trading_halted")), "{reply}");
    let (status, lock, _) = admin.post("/api/risk/locks", &lock).await;
    assert_eq!((status.as_u16(), &lock["everybody"]), (201, &json!(true)), "{lock}");
    let path = format!("/api/risk/locks/{}", lock["id"].as_str().expect("an id"));
    assert_eq!(user.get("/api/risk/locks").await.1, json!([lock]), "whom it holds sees it");
    assert_eq!(user.delete(&path).await.0, 404);
    assert_eq!(admin.delete(&path).await.0, 204);
}

#[tokio::test]
async fn a_user_may_reduce_only() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let order = by_hand::id_of(&by_hand::buy(&user, "AAPL", 5).await);
    by_hand::fill(&app, order, "5", "100").await;
    for body in [json!({}), json!({"state": "asleep"}), json!({"state": 1})] {
        assert_eq!(user.post("/api/risk/state", &body).await.0, 400, "{body}");
    }
    let (status, reply, _) = user.post("/api/risk/state", &json!({"state": "reducing"})).await;
    assert_eq!((status.as_u16(), &reply["state"]), (200, &json!("reducing")), "{reply}");
    let (status, reply, _) =
        user.post("/api/orders", &json!({"symbol": "MSFT", "side": "buy", "qty": 1})).await;
    assert_eq!((status.as_u16(), &reply["details"]["rule"]), (422, &json!("trading_reducing")), "{reply}");
    let (status, reply, _) =
        user.post("/api/orders", &json!({"symbol": "AAPL", "side": "sell", "qty": 5})).await;
    assert_eq!(status, 201, "an exit goes out: {reply}");
}

#[tokio::test]
async fn closing_everything_queues_one_job_for_each_position() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for symbol in ["AAPL", "MSFT"] {
        let order = by_hand::id_of(&by_hand::buy(&user, symbol, 5).await);
        by_hand::fill(&app, order, "5", "100").await;
    }
    let (status, reply, _) = user.post_empty("/api/risk/close-all").await;
    assert_eq!((status.as_u16(), &reply["positionsClosing"]), (200, &json!(2)), "{reply}");
    assert_eq!(
        (&reply["closeOrders"][0]["side"], &reply["closeOrders"][0]["qty"]),
        (&json!("sell"), &json!("5"))
    );
    let queued = "select count(*) from queue.jobs where kind = 'close_position'";
    assert_eq!(by_hand::count(&app, queued).await, 2);
    let settings = user.get("/api/risk/settings").await.1;
    assert_eq!(settings["killSwitchActive"], json!(false), "closing stops nothing else");
    let (status, again, _) = user.post_empty("/api/positions/close/aapl").await;
    assert_eq!(
        (status.as_u16(), &again["closeOrders"][0]["workItemId"]),
        (200, &reply["closeOrders"][0]["workItemId"])
    );
    assert_eq!(by_hand::count(&app, queued).await, 2, "one at work stands for it");
}

#[tokio::test]
async fn an_emergency_turns_the_switch_and_queues_the_end_of_everything() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let held = by_hand::id_of(&by_hand::buy(&user, "AAPL", 5).await);
    by_hand::fill(&app, held, "5", "100").await;
    by_hand::buy(&user, "MSFT", 1).await;
    let (status, reply, _) = user.post_empty("/api/risk/emergency-liquidate").await;
    assert_eq!(status, 200, "{reply}");
    for (key, expected) in [
        ("success", json!(true)),
        ("killSwitchActivated", json!(true)),
        ("ordersCancelled", json!(1)),
        ("positionsClosing", json!(1)),
    ] {
        assert_eq!(reply[key], expected, "{key}: {reply}");
    }
    assert!(reply["closeOrders"].as_array().is_some_and(|all| all.len() == 1), "{reply}");
    let queued = "select count(*) from queue.jobs where kind = 'liquidate'";
    assert_eq!(by_hand::count(&app, queued).await, 1);
    assert_eq!(user.get("/api/risk/settings").await.1["killSwitchActive"], json!(true));
}

#[tokio::test]
async fn without_a_broker_an_emergency_still_stops_new_orders() {
    let app = suites::TestApp::start().await;
    let user = app.signed_up().await;
    let (status, reply, _) = user.post_empty("/api/risk/emergency-liquidate").await;
    assert_eq!((status.as_u16(), &reply["code"]), (503, &json!("BROKER_NOT_CONFIGURED")), "{reply}");
    assert_eq!(user.get("/api/risk/settings").await.1["killSwitchActive"], json!(true));
    let (_, positions, _) = user.post_empty("/api/risk/close-all").await;
    assert_ne!(positions["success"], Value::Bool(true));
}
