//! All users' agents in operators' hands.

use serde_json::{Value, json};
use suites::{Answer, SignedIn, TestApp};

use super::{administrator, because, count, outcome, refused};

const BASE: &str = "/api/admin/orchestrator";

fn ok((status, body, _): Answer) -> Value {
    assert_eq!(status, 200, "{body}");
    body
}

async fn run(app: &TestApp, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&app.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Returns the application, an administrator, and a user whose agent runs; no worker does.
async fn start() -> (TestApp, SignedIn, SignedIn) {
    let app = TestApp::start().await;
    let (admin, user) = (administrator(&app).await, app.signed_up().await);
    ok(user.post_empty("/api/autonomous/start").await);
    (app, admin, user)
}

async fn health(admin: &SignedIn) -> Value {
    ok(admin.get("/api/admin/orchestrator-health").await)
}

#[tokio::test]
async fn a_pause_is_that_of_the_queue_and_leaves_agents_as_their_users_set_them() {
    let (app, admin, user) = start().await;
    let status = ok(admin.get(&format!("{BASE}/status")).await);
    assert_eq!((&status["isRunning"], &status["isPaused"]), (&json!(true), &json!(false)), "{status}");
    assert_eq!(status["agents"], json!({"total": 1, "running": 1, "resting": 0, "failing": 0}));
    let paused = ok(admin.post_empty(&format!("{BASE}/pause")).await);
    assert_eq!((&paused["success"], &paused["isRunning"]), (&json!(true), &json!(false)), "{paused}");
    assert_eq!((&paused["isPaused"], &paused["isDraining"]), (&json!(true), &json!(false)), "{paused}");
    let queue = ok(admin.get("/api/admin/queues/agents").await);
    assert_eq!((&queue["paused"], &queue["reason"]), (&json!(true), &json!("all agents are paused")));
    let own = ok(user.get("/api/autonomous/status").await);
    assert_eq!((&own["isRunning"], &own["isPaused"]), (&json!(true), &json!(false)), "{own}");
    assert_eq!(health(&admin).await["status"], "paused");
    assert_eq!(outcome(admin.post_empty(&format!("{BASE}/run-now")).await), refused(409, "CONFLICT"));
    ok(admin.post("/api/admin/queues/agents/resume", &because("there is one pause")).await);
    assert_eq!(ok(admin.get(&format!("{BASE}/status")).await)["isRunning"], true);
    ok(admin.post(&format!("{BASE}/pause"), &because("a drill")).await);
    let resumed = ok(admin.post(&format!("{BASE}/resume"), &because("it is over")).await);
    assert_eq!((&resumed["isRunning"], &resumed["isPaused"]), (&json!(true), &json!(false)), "{resumed}");
    let audited = "select count(*) from audit_log
                    where resource = 'queue' and resource_id = 'agents'
                      and reason in ('all agents are paused', 'a drill', 'it is over')";
    assert_eq!(count(&app, audited).await, 3);
    let long = because(&"x".repeat(501));
    assert_eq!(outcome(admin.post(&format!("{BASE}/pause"), &long).await), refused(400, "INVALID_FIELD"));
}

#[tokio::test]
async fn the_kill_switch_is_everybodys_trading_state() {
    let (app, admin, user) = start().await;
    let path = format!("{BASE}/kill-switch");
    for body in [json!({}), json!({"enabled": null}), json!({"enabled": "yes"}), json!({"activate": true})] {
        assert_eq!(outcome(admin.post(&path, &body).await), refused(400, "INVALID_FIELD"), "{body}");
    }
    let on = json!({"enabled": true, "reason": "wrong prices"});
    let told = ok(admin.post(&path, &on).await);
    assert_eq!((&told["killSwitchActive"], &told["isRunning"]), (&json!(true), &json!(false)), "{told}");
    ok(admin.post(&path, &json!({"enabled": true, "reason": "again"})).await);
    let config = ok(admin.get(&format!("{BASE}/config")).await);
    assert_eq!((&config["killSwitch"], &config["tradingReason"]), (&json!(true), &json!("wrong prices")));
    assert_eq!(ok(user.get("/api/risk/state").await)["platformState"], "halted");
    let (status, reply, _) = user.post_empty("/api/autonomous/start").await;
    assert_eq!((status.as_u16(), &reply["code"]), (409, &json!("TRADING_HALTED")), "{reply}");
    assert_eq!(health(&admin).await["status"], "killed");
    for (what, body) in [("run-now", json!({})), ("trigger", json!({"jobType": "full-pipeline"}))] {
        let answer = admin.post(&format!("{BASE}/{what}"), &body).await;
        assert_eq!(outcome(answer), refused(409, "TRADING_HALTED"), "{what}");
    }
    let off = json!({"enabled": false});
    assert_eq!(ok(admin.post(&path, &off).await)["tradingState"], "active");
    let reducing = json!({"state": "reducing", "everybody": true, "reason": "a quiet day"});
    ok(admin.post("/api/risk/state", &reducing).await);
    assert_eq!(ok(admin.post(&path, &off).await)["tradingState"], "reducing", "it was off already");
    ok(admin.post(&path, &on).await);
    assert_eq!(ok(admin.post(&path, &off).await)["tradingState"], "reducing", "as it was found");
    let audited = "select count(*) from audit_log where action = 'throw_platform_switch'";
    assert_eq!(count(&app, audited).await, 4, "what changes nothing is not recorded");
}

#[tokio::test]
async fn agents_are_given_less_to_do_and_never_more() {
    let (app, admin, free) = start().await;
    let careful = app.signed_up().await;
    ok(careful.post("/api/autonomous/mode", &json!({"mode": "manual"})).await);
    let path = format!("{BASE}/config");
    let config = ok(admin.get(&path).await);
    assert_eq!(config["mode"], "autonomous");
    assert_eq!(config["modes"], json!({"autonomous": 1, "semi-auto": 0, "manual": 1}));
    for body in [json!({}), json!({"mode": "wild"}), json!({"mode": 1}), json!({"killSwitch": true})] {
        assert_eq!(outcome(admin.put(&path, &body).await), refused(400, "INVALID_FIELD"), "{body}");
    }
    let told = "select count(*) from events where name = 'agent:status'";
    let before = count(&app, told).await;
    let config = ok(admin.put(&path, &json!({"mode": "semi-auto", "reason": "a wild week"})).await);
    assert_eq!(config["mode"], "semi-auto");
    assert_eq!(config["modes"], json!({"autonomous": 0, "semi-auto": 1, "manual": 1}));
    assert_eq!(count(&app, told).await, before + 1, "who is concerned is told");
    let config = ok(admin.put(&path, &json!({"mode": "autonomous"})).await);
    assert_eq!(config["modes"], json!({"autonomous": 0, "semi-auto": 1, "manual": 1}));
    ok(admin.put(&path, &json!({"mode": "manual"})).await);
    for user in [&free, &careful] {
        assert_eq!(ok(user.get("/api/autonomous/status").await)["mode"], "manual");
    }
    let audited = "select count(*) from audit_log where action = 'restrain_agents'";
    assert_eq!(count(&app, audited).await, 3);
    let audited = "select count(*) from audit_log
                    where action = 'restrain_agents' and reason = 'a wild week' and after ->> 'agents' = '1'";
    assert_eq!(count(&app, audited).await, 1);
}

#[tokio::test]
async fn running_agents_look_at_once_when_they_are_told_to() {
    let (app, admin, user) = start().await;
    let resting = app.signed_up().await;
    ok(resting.post_empty("/api/autonomous/start").await);
    ok(resting.post_empty("/api/autonomous/pause").await);
    let put_off = "update agent_status set next_cycle_at = clock_timestamp() + interval '1 hour'";
    let due = "select count(*) from agent_status where next_cycle_at <= clock_timestamp()";
    let full = |mode: &str| json!({"jobType": "full-pipeline", "mode": mode});
    for (what, body) in [("run-now", json!({})), ("trigger", full("autonomous"))] {
        run(&app, put_off).await;
        let done = ok(admin.post(&format!("{BASE}/{what}"), &body).await);
        assert_eq!((&done["success"], &done["message"]), (&json!(true), &json!("1 agents look now")));
        assert_eq!(count(&app, due).await, 1, "{what}");
    }
    let trigger = format!("{BASE}/trigger");
    assert_eq!(outcome(admin.post(&trigger, &full("manual")).await), refused(409, "AGENT_NOT_RUNNING"));
    for body in [json!({}), json!({"jobType": "exits"}), full("wild"), json!({"jobType": 1})] {
        assert_eq!(outcome(admin.post(&trigger, &body).await), refused(400, "INVALID_FIELD"), "{body}");
    }
    ok(user.post_empty("/api/autonomous/stop").await);
    let answer = admin.post_empty(&format!("{BASE}/run-now")).await;
    assert_eq!(outcome(answer), refused(409, "AGENT_NOT_RUNNING"));
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'run_agents'").await, 2);
}

#[tokio::test]
async fn health_says_in_a_word_what_is_wrong_and_failures_are_forgotten_on_demand() {
    let app = TestApp::start().await;
    let (admin, user) = (administrator(&app).await, app.signed_up().await);
    assert_eq!(health(&admin).await["status"], "idle");
    ok(user.post_empty("/api/autonomous/start").await);
    let well = health(&admin).await;
    assert_eq!((&well["status"], &well["isRunning"]), (&json!("healthy"), &json!(true)), "{well}");
    assert_eq!((&well["lastHeartbeat"], &well["minutesSinceHeartbeat"]), (&Value::Null, &Value::Null));
    assert_eq!(well["dynamicOrderLimit"], 10);
    run(
        &app,
        "update agent_status
            set consecutive_errors = 2, last_error = 'no quotes', last_error_at = clock_timestamp(),
                last_heartbeat = clock_timestamp() - interval '5 minutes',
                market_condition = 'bullish', last_market_analysis = clock_timestamp()",
    )
    .await;
    let failing = health(&admin).await;
    assert_eq!((&failing["status"], &failing["failingAgents"]), (&json!("degraded"), &json!(1)));
    assert_eq!(
        (&failing["lastError"], &failing["marketCondition"]),
        (&json!("no quotes"), &json!("bullish"))
    );
    assert_eq!(failing["minutesSinceHeartbeat"], 5);
    let shown = ok(admin.get("/api/admin/observability/health").await);
    assert_eq!(
        (&shown["orchestrator"]["minutesSinceHeartbeat"], &shown["orchestrator"]["isRunning"]),
        (&json!(5), &json!(true)),
        "{shown}"
    );
    run(&app, "update agent_status set next_cycle_at = clock_timestamp() - interval '2 minutes'").await;
    assert_eq!(health(&admin).await["status"], "stalled");
    run(&app, "update agent_status set next_cycle_at = clock_timestamp()").await;
    let done = ok(admin.post(&format!("{BASE}/reset-stats"), &because("the provider is back")).await);
    assert_eq!((&done["lastError"], &done["agents"]["failing"]), (&Value::Null, &json!(0)), "{done}");
    assert_eq!(health(&admin).await["status"], "healthy");
    assert_eq!(ok(user.get("/api/autonomous/status").await)["consecutiveErrors"], 0);
    let audited = "select count(*) from audit_log
                    where action = 'reset_agent_stats' and reason = 'the provider is back'";
    assert_eq!(count(&app, audited).await, 1);
}

#[tokio::test]
async fn cycles_of_all_agents_are_listed_newest_first() {
    let (app, admin, user) = start().await;
    let path = format!("{BASE}/jobs");
    assert_eq!(ok(admin.get(&path).await), json!([]));
    run(
        &app,
        "insert into cycles (cycle_id, user_id, tick, mode, status, stopped_before, stop_reason, error,
                started_at, finished_at)
         select ('0190f5a0-0000-7000-8000-00000000000' || n)::uuid, user_id, at, 'autonomous', status,
                case status when 'stopped' then 'market' end, case status when 'stopped' then 'paused' end,
                case status when 'failed' then 'no quotes' end, at, case when status <> 'running' then at end
           from agent_status
          cross join (values (1, 'done'), (2, 'failed'), (3, 'stopped'), (4, 'running')) as cycle(n, status)
          cross join lateral (select timestamptz '2026-03-02T15:30:00Z' + n * interval '1 minute' as at) as began",
    )
    .await;
    let jobs = ok(admin.get(&path).await);
    let words: Vec<_> = jobs.as_array().expect("a list").iter().map(|job| job["status"].clone()).collect();
    assert_eq!(words, ["running", "stopped", "failed", "completed"]);
    assert_eq!((&jobs[0]["finishedAt"], &jobs[1]["stoppedBefore"]), (&Value::Null, &json!("market")));
    assert_eq!((&jobs[1]["stopReason"], &jobs[2]["error"]), (&json!("paused"), &json!("no quotes")));
    assert_eq!(
        jobs[3],
        json!({
            "id": "0190f5a0-0000-7000-8000-000000000001", "jobType": "full-pipeline", "status": "completed",
            "startedAt": "2026-03-02T15:31:00.000Z", "finishedAt": "2026-03-02T15:31:00.000Z", "error": null,
            "userId": user.user_id, "mode": "autonomous", "stoppedBefore": null, "stopReason": null,
            "traceId": null
        })
    );
    let two = ok(admin.get(&format!("{path}?limit=2")).await);
    assert_eq!(two.as_array().map(Vec::len), Some(2));
    for limit in ["0", "501", "x"] {
        let answer = admin.get(&format!("{path}?limit={limit}")).await;
        assert_eq!(outcome(answer), refused(400, "INVALID_QUERY"), "{limit}");
    }
}
