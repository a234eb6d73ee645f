//! Starting, stopping, resting, modes and intervals.

use serde_json::{Value, json};
use suites::SignedIn;

use crate::{
    events::frames::Frames,
    trading_api::by_hand::{self, count},
};

async fn status(user: &SignedIn) -> Value {
    let (status, reply, _) = user.get("/api/autonomous/status").await;
    assert_eq!(status, 200, "{reply}");
    reply
}

#[tokio::test]
async fn an_untouched_agent_has_a_whole_status() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let shown = status(&user).await;
    for (key, expected) in [
        ("isRunning", json!(false)),
        ("isPaused", json!(false)),
        ("killSwitchActive", json!(false)),
        ("mode", json!("autonomous")),
        ("lastRunTime", Value::Null),
        ("consecutiveErrors", json!(0)),
        ("activePositions", json!(0)),
        ("recentDecisions", json!(0)),
        ("lastDecisionTime", Value::Null),
    ] {
        assert_eq!(shown[key], expected, "{key}: {shown}");
    }
    assert_eq!(shown["config"]["intervalSeconds"], 60, "{shown}");
    let (code, row, _) = user.get("/api/agent/status").await;
    assert_eq!(code, 200, "{row}");
    for (key, expected) in [
        ("isRunning", json!(false)),
        ("totalTrades", json!(0)),
        ("winRate", json!(0.0)),
        ("cashBalance", json!(100_000.0)),
        ("maxPositionSizePercent", json!(10.0)),
        ("maxPositionsCount", json!(10)),
        ("dynamicOrderLimit", json!(10)),
        ("marketCondition", json!("neutral")),
        ("aiConfidenceScore", json!(0.5)),
        ("autoStartEnabled", json!(false)),
    ] {
        assert_eq!(row[key], expected, "{key}: {row}");
    }
    let (code, state, _) = user.get("/api/autonomous/state").await;
    assert_eq!(code, 200, "{state}");
    for key in ["activePositions", "pendingSignals", "executionHistory", "errors"] {
        assert_eq!(state[key], json!([]), "{key}: {state}");
    }
    assert_eq!(state["riskLimits"]["dailyLossLimitPercent"], 5.0, "{state}");
}

#[tokio::test]
async fn start_says_running_at_once_and_so_does_the_status() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let (mut frames, _) = Frames::open(&user, "/api/events", None).await;
    for body in [None, Some(json!({}))] {
        let (code, reply, _) = match &body {
            None => user.post_empty("/api/autonomous/start").await,
            Some(body) => user.post("/api/autonomous/start", body).await,
        };
        assert_eq!(code, 200, "{reply}");
        let expected = json!({"success": true, "mode": "autonomous", "isRunning": true, "isPaused": false});
        assert_eq!(reply, expected);
        assert_eq!(status(&user).await["isRunning"], true);
    }
    let told = frames.next().await;
    assert_eq!((told.event.as_str(), &told.data["isRunning"]), ("agent:status", &json!(true)), "{told:?}");
    let audited = "select count(*) from audit_log where action = 'start_agent'";
    assert_eq!(count(&app, audited).await, 1, "the second start changed nothing");
    let (code, reply, _) = user.post_empty("/api/autonomous/stop").await;
    assert_eq!((code.as_u16(), &reply["isRunning"]), (200, &json!(false)), "{reply}");
    assert_eq!(status(&user).await["isRunning"], false);
    assert_eq!(user.post_empty("/api/autonomous/stop").await.0, 200, "stopping twice is no error");
    let audited = "select count(*) from audit_log where action = 'stop_agent'";
    assert_eq!(count(&app, audited).await, 1);
}

#[tokio::test]
async fn only_a_running_agent_rests() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for path in ["/api/autonomous/pause", "/api/autonomous/resume"] {
        let (code, reply, _) = user.post_empty(path).await;
        assert_eq!((code.as_u16(), &reply["code"]), (409, &json!("AGENT_NOT_RUNNING")), "{path}: {reply}");
    }
    user.post_empty("/api/autonomous/start").await;
    let (code, reply, _) = user.post_empty("/api/autonomous/pause").await;
    assert_eq!((code.as_u16(), &reply["isPaused"]), (200, &json!(true)), "{reply}");
    assert_eq!(status(&user).await["isPaused"], true);
    let (code, reply, _) = user.post_empty("/api/autonomous/resume").await;
    assert_eq!((code.as_u16(), &reply["isPaused"]), (200, &json!(false)), "{reply}");
    user.post_empty("/api/autonomous/pause").await;
    user.post_empty("/api/autonomous/start").await;
    assert_eq!(status(&user).await["isPaused"], false, "a start ends the rest");
}

#[tokio::test]
async fn modes_and_intervals_are_of_their_lists() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for mode in ["semi-auto", "manual", "autonomous"] {
        let (code, reply, _) = user.post("/api/autonomous/mode", &json!({ "mode": mode })).await;
        assert_eq!((code.as_u16(), &reply), (200, &json!({"success": true, "mode": mode})));
        assert_eq!(status(&user).await["mode"], mode);
    }
    for body in [json!({}), json!({"mode": "wild"}), json!({"mode": 1}), json!({"mode": null})] {
        let (code, reply, _) = user.post("/api/autonomous/mode", &body).await;
        assert_eq!((code.as_u16(), &reply["details"]["field"]), (400, &json!("mode")), "{body}: {reply}");
    }
    let (code, reply, _) = user.put("/api/autonomous/interval", &json!({"intervalSeconds": 30})).await;
    assert_eq!((code.as_u16(), &reply), (200, &json!({"success": true, "intervalSeconds": 30})));
    assert_eq!(status(&user).await["config"]["intervalSeconds"], 30);
    for sent in [json!(4), json!(86_401), json!("x"), json!(1.5), json!(null)] {
        let (code, reply, _) = user.put("/api/autonomous/interval", &json!({"intervalSeconds": sent})).await;
        assert_eq!((code.as_u16(), &reply["code"]), (400, &json!("INVALID_FIELD")), "{sent}: {reply}");
    }
}

#[tokio::test]
async fn the_toggle_turns_the_agent_on_and_off() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for running in [true, false, true] {
        let (code, row, _) = user.post_empty("/api/agent/toggle").await;
        assert_eq!((code.as_u16(), &row["isRunning"]), (200, &json!(running)), "{row}");
        assert_eq!(status(&user).await["isRunning"], running);
    }
}

#[tokio::test]
async fn order_limits_and_auto_start_are_kept() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let limits = json!({"minOrderLimit": 5, "maxOrderLimit": 8});
    let (code, row, _) = user.post("/api/agent/set-limits", &limits).await;
    assert_eq!(code, 200, "{row}");
    assert_eq!((&row["minOrderLimit"], &row["maxOrderLimit"]), (&json!(5), &json!(8)), "{row}");
    assert_eq!(row["dynamicOrderLimit"], 8, "it stays within its ends");
    for body in [
        json!({"minOrderLimit": 9}),
        json!({"minOrderLimit": 0}),
        json!({"maxOrderLimit": 101}),
        json!({"maxOrderLimit": "x"}),
    ] {
        let (code, reply, _) = user.post("/api/agent/set-limits", &body).await;
        assert_eq!((code.as_u16(), &reply["code"]), (400, &json!("INVALID_FIELD")), "{body}: {reply}");
    }
    let (code, row, _) = user.post("/api/agent/auto-start", &json!({"enabled": true})).await;
    assert_eq!((code.as_u16(), &row["autoStartEnabled"]), (200, &json!(true)), "{row}");
    assert_eq!(row["isRunning"], false, "nothing starts by itself");
    let (code, reply, _) = user.post("/api/agent/auto-start", &json!({"enabled": "yes"})).await;
    assert_eq!((code.as_u16(), &reply["details"]["field"]), (400, &json!("enabled")), "{reply}");
}
