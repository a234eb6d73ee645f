//! The kill switch, the platform's state and the limits, as the agent meets them.

use serde_json::json;
use worker::commands::admin::{AdminArgs, act};

use crate::trading_api::by_hand::{self, count};

#[tokio::test]
async fn the_kill_switch_needs_a_boolean() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for body in [
        json!({}),
        json!({"activate": "true"}),
        json!({"activate": 1}),
        json!({"activate": null}),
        json!({"activate": []}),
        json!({"activate": true, "reason": 7}),
    ] {
        let (code, reply, _) = user.post("/api/autonomous/kill-switch", &body).await;
        assert_eq!((code.as_u16(), &reply["code"]), (400, &json!("INVALID_FIELD")), "{body}: {reply}");
    }
    let (_, status, _) = user.get("/api/autonomous/status").await;
    assert_eq!(status["killSwitchActive"], false);
}

#[tokio::test]
async fn the_kill_switch_stops_the_agent_and_keeps_it_from_starting() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    user.post_empty("/api/autonomous/start").await;
    let body = json!({"activate": true, "reason": "strange fills"});
    let (code, reply, _) = user.post("/api/autonomous/kill-switch", &body).await;
    assert_eq!(code, 200, "{reply}");
    assert_eq!((&reply["success"], &reply["killSwitchActive"]), (&json!(true), &json!(true)), "{reply}");
    assert_eq!(reply["state"]["isRunning"], false, "{reply}");
    assert_eq!(user.get("/api/risk/settings").await.1["killSwitchActive"], true, "there is one switch");
    for path in ["/api/autonomous/start", "/api/agent/toggle", "/api/autonomous/resume"] {
        let (code, reply, _) = user.post_empty(path).await;
        assert_eq!((code.as_u16(), &reply["code"]), (409, &json!("KILL_SWITCH_ACTIVE")), "{path}: {reply}");
        assert_eq!(reply["details"]["reason"], "strange fills", "{path}: {reply}");
    }
    assert_eq!(user.post_empty("/api/autonomous/stop").await.0, 200, "stopping is always allowed");
    let (code, reply, _) = user.post("/api/autonomous/kill-switch", &json!({"activate": false})).await;
    assert_eq!((code.as_u16(), &reply["killSwitchActive"]), (200, &json!(false)), "{reply}");
    assert_eq!(reply["state"]["isRunning"], false, "releasing it starts nothing");
    assert_eq!(user.post_empty("/api/autonomous/start").await.0, 200);
    let audited =
        "select count(*) from audit_log where action in ('activate_kill_switch', 'release_kill_switch')";
    assert_eq!(count(&app, audited).await, 2);
}

#[tokio::test]
async fn the_switch_of_the_trading_screen_keeps_the_agent_from_starting_too() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    user.post("/api/risk/kill-switch", &json!({"activate": true})).await;
    let (code, reply, _) = user.post_empty("/api/autonomous/start").await;
    assert_eq!((code.as_u16(), &reply["code"]), (409, &json!("KILL_SWITCH_ACTIVE")), "{reply}");
}

#[tokio::test]
async fn whoever_may_not_trade_has_no_agent_at_work() {
    let app = by_hand::start().await;
    let (user, admin) = (app.signed_up().await, app.signed_up().await);
    let refused = async |whose: &str| {
        let (code, reply, _) = user.post_empty("/api/autonomous/start").await;
        assert_eq!((code.as_u16(), &reply["code"]), (409, &json!("TRADING_HALTED")), "{reply}");
        assert_eq!(reply["details"]["whose"], whose, "{reply}");
    };
    user.post("/api/risk/state", &json!({"state": "halted"})).await;
    refused("the user").await;
    user.post("/api/risk/state", &json!({"state": "active"})).await;
    act(&app.pool, AdminArgs::Grant { username: admin.username.clone() }).await.expect("the user is there");
    let body = json!({"state": "reducing", "everybody": true, "reason": "a drill"});
    let (code, reply, _) = admin.post("/api/risk/state", &body).await;
    assert_eq!(code, 200, "{reply}");
    refused("everybody").await;
}

#[tokio::test]
async fn the_agents_limits_are_the_users() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let body = json!({
        "maxPositionSizePercent": 7.5, "maxTotalExposurePercent": 40, "maxPositionsCount": 4,
        "dailyLossLimitPercent": 2, "allowShort": true
    });
    let (code, reply, _) = user.put("/api/autonomous/risk-limits", &body).await;
    assert_eq!(code, 200, "{reply}");
    let expected = json!({
        "maxPositionSizePercent": 7.5, "maxTotalExposurePercent": 40.0, "maxPositionsCount": 4,
        "dailyLossLimitPercent": 2.0
    });
    assert_eq!(reply, json!({"success": true, "riskLimits": expected}));
    let (_, settings, _) = user.get("/api/risk/settings").await;
    assert_eq!(settings["maxPositionSizePercent"], "7.5");
    assert_eq!(settings["allowShort"], false, "only the four limits are set here");
    for (field, sent) in [
        ("maxPositionSizePercent", json!(0)),
        ("maxTotalExposurePercent", json!(301)),
        ("maxPositionsCount", json!(101)),
        ("dailyLossLimitPercent", json!("lots")),
    ] {
        let (code, reply, _) = user.put("/api/autonomous/risk-limits", &json!({ field: sent })).await;
        assert_eq!((code.as_u16(), &reply["details"]["field"]), (400, &json!(field)), "{reply}");
    }
    assert_eq!(user.get("/api/risk/settings").await.1, settings);
    let state = user.get("/api/autonomous/state").await.1;
    assert_eq!(state["riskLimits"], expected);
}
