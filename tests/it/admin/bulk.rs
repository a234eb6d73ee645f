//! One action on many jobs.

use jobs::queue::Enqueue;
use serde_json::{Value, json};
use suites::{SignedIn, TestApp, eventually};

use super::{LATER, LIMIT, administrator, because, count, discarded, finish, outcome, put, refused, waiting};

const PATH: &str = "/api/admin/bulk";

fn request(action: &str, filter: &Value) -> Value {
    json!({ "action": action, "filter": filter, "reason": "the provider is back" })
}

fn with_token(mut request: Value, preview: &Value) -> Value {
    request["previewToken"] = preview["previewToken"].clone();
    request
}

async fn preview(admin: &SignedIn, request: &Value) -> Value {
    let (status, preview, _) = admin.post(PATH, request).await;
    assert_eq!(status, 200, "{preview}");
    preview
}

async fn started(admin: &SignedIn, request: &Value) -> String {
    let seen = preview(admin, request).await;
    let (status, operation, _) = admin.post(PATH, &with_token(request.clone(), &seen)).await;
    assert_eq!(status, 202, "{operation}");
    format!("/api/admin/operations/{}", operation["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_previewed_retry_repeats_each_job_once_and_no_other() {
    let mut app = TestApp::start().await;
    let admin = administrator(&app).await;
    for n in 100..350 {
        discarded(&app, &format!("BROKER: order {n} timed out")).await;
    }
    let other = discarded(&app, "BROKER: refused").await;
    let (_, errors, _) = admin.get("/api/admin/errors").await;
    let fingerprint = errors["groups"][0]["fingerprint"].clone();
    let request = request("retry", &json!({ "state": ["discarded"], "error": fingerprint }));
    let seen = preview(&admin, &request).await;
    assert_eq!((&seen["count"], &seen["approximate"]), (&json!(250), &json!(false)));
    assert_eq!(seen["sample"].as_array().expect("a sample").len(), 10);
    assert_eq!(count(&app, "select count(*) from queue.jobs").await, 0, "a preview changes nothing");
    let late = discarded(&app, "BROKER: order 999 timed out").await;

    let (status, operation, _) = admin.post(PATH, &with_token(request, &seen)).await;
    assert_eq!((status.as_u16(), &operation["state"]), (202, &json!("pending")));
    app.start_worker();
    let path = format!("/api/admin/operations/{}", operation["id"].as_str().expect("an id"));
    let ended = eventually("the operation has ended", LIMIT, async || {
        let (_, operation, _) = admin.get(&path).await;
        if operation["finishedAt"].is_string() { Ok(operation) } else { Err(operation) }
    })
    .await;
    assert_eq!(
        [&ended["state"], &ended["changed"], &ended["skipped"], &ended["failed"]],
        [&json!("completed"), &json!(250), &json!(0), &json!(0)]
    );
    assert_eq!(count(&app, "select count(*) from queue.retries").await, 250);
    for id in [other, late] {
        let (_, job, _) = admin.get(&format!("/api/admin/jobs/{id}")).await;
        assert_eq!(job["retriedAs"], Value::Null, "it was not meant");
    }
    let pages = count(
        &app,
        "select count(*) from audit_log where action = 'bulk_retry_jobs' and actor_id is not null
            and reason = 'the provider is back'",
    );
    assert_eq!(pages.await, 5);
    let named = count(
        &app,
        "select sum(jsonb_array_length(after -> 'jobIds')) from audit_log where action = 'bulk_retry_jobs'",
    );
    assert_eq!(named.await, 250);
    eventually("all repetitions have run", LIMIT, async || {
        count(&app, "select count(*) from queue.finished where state = 'completed' and kind = 'exercise'")
            .await
            == 250
    })
    .await;
    let again = outcome(admin.post(&format!("{path}/stop"), &because("late")).await);
    assert_eq!(again, refused(409, "CONFLICT"));
}

#[tokio::test]
async fn cancelling_and_discarding_many_ends_them_and_passes_over_the_rest() {
    let mut app = TestApp::start().await;
    let admin = administrator(&app).await;
    for tag in ["red", "red", "blue", "blue", "blue"] {
        put(&app, jobs::kinds::exercise::Exercise::default(), Enqueue::default().delay(LATER).tag(tag)).await;
    }
    let cancel = started(&admin, &request("cancel", &json!({ "tag": "red" }))).await;
    let discard = request("discard", &json!({ "tag": "blue", "state": "scheduled,completed" }));
    let seen = preview(&admin, &discard).await;
    let done: uuid::Uuid = seen["sample"][0]["id"].as_str().expect("an id").parse().expect("a uuid");
    finish(&app, done, "completed", None).await;
    let (_, operation, _) = admin.post(PATH, &with_token(discard, &seen)).await;
    let discard = format!("/api/admin/operations/{}", operation["id"].as_str().expect("an id"));
    app.start_worker();
    for (path, changed, skipped) in [(cancel, 2, 0), (discard, 2, 1)] {
        let ended = eventually("the operation has ended", LIMIT, async || {
            let (_, operation, _) = admin.get(&path).await;
            if operation["state"] == "completed" { Ok(operation) } else { Err(operation) }
        })
        .await;
        assert_eq!((&ended["changed"], &ended["skipped"]), (&json!(changed), &json!(skipped)), "{ended}");
    }
    for (sql, expected) in [
        ("select count(*) from queue.finished where state = 'cancelled'", 2),
        ("select count(*) from queue.finished where state = 'discarded'", 2),
        ("select count(*) from queue.jobs", 0),
    ] {
        assert_eq!(count(&app, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_token_counts_once_for_its_person_action_and_filter() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let other = administrator(&app).await;
    waiting(&app).await;
    let wanted = request("cancel", &json!({ "state": "scheduled" }));
    let seen = preview(&admin, &wanted).await;
    let stale = refused(409, "STALE_PREVIEW");
    let mut forged = seen.clone();
    forged["previewToken"] = json!("0".repeat(64));
    for (who, body) in [
        (&other, with_token(wanted.clone(), &seen)),
        (&admin, with_token(request("retry", &json!({ "state": "scheduled" })), &seen)),
        (&admin, with_token(request("cancel", &json!({ "state": "available" })), &seen)),
        (&admin, with_token(wanted.clone(), &forged)),
    ] {
        assert_eq!(outcome(who.post(PATH, &body).await), stale, "{body}");
    }
    let late = preview(&admin, &wanted).await;
    let good = with_token(wanted.clone(), &seen);
    assert_eq!(admin.post(PATH, &good).await.0, 202);
    assert_eq!(outcome(admin.post(PATH, &good).await), stale, "a second time");
    sqlx::query("update queue.operations set expires_at = clock_timestamp()")
        .execute(&app.pool)
        .await
        .expect("late");
    assert_eq!(outcome(admin.post(PATH, &with_token(wanted, &late)).await), stale, "too late");
    assert_eq!(count(&app, "select count(*) from queue.jobs where kind = 'bulk_operation'").await, 1);
}

#[tokio::test]
async fn a_stopped_operation_touches_nothing_more() {
    let mut app = TestApp::start().await;
    let admin = administrator(&app).await;
    waiting(&app).await;
    let wanted = request("cancel", &json!({ "state": "scheduled" }));
    let waits = started(&admin, &wanted).await;
    let (status, stopped, _) = admin.post(&format!("{waits}/stop"), &because("wrong filter")).await;
    assert_eq!((status.as_u16(), &stopped["state"]), (200, &json!("stopped")));
    let begun = started(&admin, &wanted).await;
    // As if it had been stopped between two pages.
    sqlx::query("update queue.operations set stop_requested_at = clock_timestamp() where state = 'pending'")
        .execute(&app.pool)
        .await
        .expect("asked");
    app.start_worker();
    eventually("both jobs of the operations have ended", LIMIT, async || {
        count(&app, "select count(*) from queue.finished where kind = 'bulk_operation'").await == 2
    })
    .await;
    for path in [waits, begun] {
        let (_, operation, _) = admin.get(&path).await;
        assert_eq!(
            (&operation["state"], &operation["changed"]),
            (&json!("stopped"), &json!(0)),
            "{operation}"
        );
    }
    assert_eq!(count(&app, "select count(*) from queue.jobs where state = 'scheduled'").await, 1);
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'stop_operation'").await, 1);
}

#[tokio::test]
async fn an_operation_that_would_mean_nothing_or_everything_is_refused() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    for (body, code) in [
        (request("cancel", &json!({})), "INVALID_FILTER"),
        (request("cancel", &json!({ "state": "pending" })), "INVALID_FILTER"),
        (request("cancel", &json!({ "colour": "red" })), "INVALID_FILTER"),
        (request("explode", &json!({ "kind": "exercise" })), "INVALID_FIELD"),
        (request("cancel", &json!("kind")), "INVALID_FIELD"),
        (json!({ "action": "cancel", "filter": { "kind": "exercise" } }), "INVALID_FIELD"),
        (json!({ "action": "cancel", "reason": "x" }), "INVALID_FIELD"),
        (
            json!({ "action": "cancel", "filter": { "kind": "x" }, "reason": "x", "force": true }),
            "INVALID_FIELD",
        ),
    ] {
        assert_eq!(outcome(admin.post(PATH, &body).await), refused(400, code), "{body}");
    }
    assert_eq!(count(&app, "select count(*) from queue.operations").await, 0);
    let nobody = "/api/admin/operations/0190f5a0-0000-7000-8000-000000000001";
    assert_eq!(outcome(admin.get(nobody).await), refused(404, "NOT_FOUND"));
    assert_eq!(
        outcome(admin.post(&format!("{nobody}/stop"), &because("x")).await),
        refused(404, "NOT_FOUND")
    );
}
