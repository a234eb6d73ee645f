//! Schedules, as operators edit them.

use serde_json::{Value, json};
use suites::{SignedIn, TestApp, eventually};
use uuid::Uuid;

use super::{LIMIT, administrator, because, count, outcome, refused};

const PATH: &str = "/api/admin/schedules";

/// At a time that every day has, whatever the clocks do.
fn nightly() -> Value {
    json!({ "name": "nightly", "cron": "30 4 * * *", "timeZone": "America/New_York", "kind": "exercise",
            "payload": { "act": "succeed" } })
}

async fn made(admin: &SignedIn, body: &Value) -> (String, Value) {
    let (status, schedule, _) = admin.post(PATH, body).await;
    assert_eq!(status, 201, "{schedule}");
    (format!("{PATH}/{}", schedule["id"].as_str().expect("an id")), schedule)
}

async fn with_exercise() -> TestApp {
    TestApp::builder().config(|config| config.worker.exercise = true).start().await
}

#[tokio::test]
async fn a_schedule_is_made_changed_paused_and_resumed() {
    let app = with_exercise().await;
    let admin = administrator(&app).await;
    let (path, schedule) = made(&admin, &nightly()).await;
    assert_eq!(
        [
            &schedule["queue"],
            &schedule["misfire"],
            &schedule["overlap"],
            &schedule["paused"],
            &schedule["lastTick"]
        ],
        [&json!("default"), &json!("latest"), &json!("skip"), &json!(false), &Value::Null]
    );
    let next = schedule["nextTick"].as_str().expect("a time");
    assert!(next.ends_with(":30:00.000Z"), "{next}");
    let (_, changed, _) =
        admin.patch(&path, &json!({ "cron": "@hourly", "overlap": "allow", "reason": "more often" })).await;
    assert_eq!((&changed["cron"], &changed["timeZone"]), (&json!("@hourly"), &json!("America/New_York")));
    assert!(changed["nextTick"].as_str().expect("a time").ends_with(":00:00.000Z"), "{changed}");
    assert_eq!(admin.post(&format!("{path}/pause"), &because("holiday")).await.1["paused"], true);
    assert_eq!(admin.post_empty(&format!("{path}/resume")).await.1["paused"], false);
    assert_eq!(admin.get(PATH).await.1.as_array().map(Vec::len), Some(1));
    assert_eq!(admin.get(&path).await.1["cron"], "@hourly");
    let actions: Vec<String> =
        sqlx::query_scalar("select action from audit_log where resource = 'schedule' order by audit_id")
            .fetch_all(&app.pool)
            .await
            .expect("rows");
    assert_eq!(actions, ["create_schedule", "update_schedule", "pause_schedule", "resume_schedule"]);
}

#[tokio::test]
async fn a_triggered_schedule_enqueues_now_and_once_at_a_time() {
    let mut app = with_exercise().await;
    let admin = administrator(&app).await;
    let (path, _) = made(&admin, &nightly()).await;
    let (status, first, _) = admin.post(&format!("{path}/trigger"), &because("now")).await;
    assert_eq!((status.as_u16(), &first["enqueued"]), (200, &json!(true)));
    let (_, second, _) = admin.post_empty(&format!("{path}/trigger")).await;
    assert_eq!((&second["enqueued"], &second["jobId"]), (&json!(false), &first["jobId"]));
    app.start_worker();
    let job = format!("/api/admin/jobs/{}", first["jobId"].as_str().expect("an id"));
    eventually("it has run", LIMIT, async || admin.get(&job).await.1["state"] == "completed").await;
    assert_eq!(admin.post_empty(&format!("{path}/trigger")).await.1["enqueued"], true);
}

#[tokio::test]
async fn a_schedule_that_could_not_run_is_refused_and_leaves_nothing() {
    let app = with_exercise().await;
    let admin = administrator(&app).await;
    let (path, schedule) = made(&admin, &nightly()).await;
    let with = |field: &str, value: Value| {
        let mut body = nightly();
        body["name"] = json!("other");
        body[field] = value;
        body
    };
    for (field, value, status, code) in [
        ("cron", json!("hello"), 400, "INVALID_CRON"),
        ("cron", json!(""), 400, "INVALID_CRON"),
        ("cron", json!("61 * * * *"), 400, "INVALID_CRON"),
        ("cron", json!("0 0 30 2 *"), 400, "INVALID_CRON"),
        ("cron", Value::Null, 400, "INVALID_FIELD"),
        ("timeZone", json!("Mars/Olympus"), 400, "INVALID_TIME_ZONE"),
        ("kind", json!("no_such_kind"), 400, "UNKNOWN_KIND"),
        ("queue", json!("nowhere"), 404, "NOT_FOUND"),
        ("misfire", json!("sometimes"), 400, "INVALID_FIELD"),
        ("overlap", json!("sometimes"), 400, "INVALID_FIELD"),
        ("payload", json!([]), 400, "INVALID_FIELD"),
        ("name", json!("<b></b>"), 400, "INVALID_FIELD"),
        ("name", json!("nightly"), 409, "NAME_TAKEN"),
        ("colour", json!("red"), 400, "INVALID_FIELD"),
    ] {
        let body = with(field, value);
        assert_eq!(outcome(admin.post(PATH, &body).await), refused(status, code), "{body}");
        if field != "name" && !body[field].is_null() {
            let change = json!({ field: body[field] });
            assert_eq!(outcome(admin.patch(&path, &change).await), refused(status, code), "{change}");
        }
    }
    assert_eq!(admin.get(PATH).await.1, json!([schedule]));
    assert_eq!(count(&app, "select count(*) from audit_log where resource = 'schedule'").await, 1);
    let nobody = format!("{PATH}/0190f5a0-0000-7000-8000-000000000001");
    assert_eq!(outcome(admin.patch(&nobody, &json!({})).await), refused(404, "NOT_FOUND"));
    for verb in ["trigger", "pause", "resume"] {
        assert_eq!(outcome(admin.post_empty(&format!("{nobody}/{verb}")).await), refused(404, "NOT_FOUND"));
    }
}

#[tokio::test]
async fn a_deleted_schedule_is_gone_and_its_jobs_stay() {
    let app = with_exercise().await;
    let admin = administrator(&app).await;
    let (path, _) = made(&admin, &nightly()).await;
    let (_, triggered, _) = admin.post_empty(&format!("{path}/trigger")).await;
    let delete = async |body: &Value| {
        let response =
            admin.request(reqwest::Method::DELETE, &path).json(body).send().await.expect("an answer");
        (response.status().as_u16(), response.json::<Value>().await.expect("JSON"))
    };
    let (status, refusal) = delete(&json!({})).await;
    assert_eq!((status, &refusal["details"]["field"]), (400, &json!("reason")));
    assert_eq!(delete(&because("no longer needed")).await.0, 200);
    assert_eq!(delete(&because("again")).await.0, 404);
    assert_eq!(outcome(admin.get(&path).await), refused(404, "NOT_FOUND"));
    let job = format!("/api/admin/jobs/{}", triggered["jobId"].as_str().expect("an id"));
    assert_eq!(admin.get(&job).await.1["state"], "available");
    let (before, reason): (Value, String) =
        sqlx::query_as("select before, reason from audit_log where action = 'delete_schedule'")
            .fetch_one(&app.pool)
            .await
            .expect("one row");
    assert_eq!((&before["name"], reason.as_str()), (&json!("nightly"), "no longer needed"));
}

#[tokio::test]
async fn a_payload_that_its_kind_could_not_read_is_refused_by_the_path_of_the_field() {
    let app = with_exercise().await;
    let admin = administrator(&app).await;
    let (path, _) = made(&admin, &nightly()).await;
    for (kind, payload, field) in [
        ("run_backtest", json!({}), "payload"),
        ("run_backtest", json!({ "backtest_id": 5 }), "payload.backtest_id"),
        ("exercise", json!({ "act": "fly" }), "payload"),
        ("exercise", json!({ "act": "succeed", "deaf_ms": "long" }), "payload.deaf_ms"),
        ("ledger", json!({ "url": "u", "entry_id": Uuid::nil(), "pause": { "ms": 1 } }), "payload.pause"),
    ] {
        let mut body = nightly();
        (body["name"], body["kind"], body["payload"]) = (json!("other"), json!(kind), payload.clone());
        let change = json!({ "kind": kind, "payload": payload });
        for (status, refusal, _) in [admin.post(PATH, &body).await, admin.patch(&path, &change).await] {
            assert_eq!((status.as_u16(), &refusal["code"]), (400, &json!("INVALID_PAYLOAD")), "{refusal}");
            let named = refusal["details"]["field"].as_str().expect("a field");
            assert!(named.starts_with(field), "{named} is not at {field}: {refusal}");
        }
    }
    // The kind alone is judged with the payload that stays; what is not touched is not judged.
    let answer = admin.patch(&path, &json!({ "kind": "run_backtest" })).await;
    assert_eq!(outcome(answer), refused(400, "INVALID_PAYLOAD"));
    sqlx::query("update queue.schedules set payload = '{}'").execute(&app.pool).await.expect("changed");
    assert_eq!(admin.patch(&path, &json!({ "paused": true })).await.0, 200);
}
