//! Why a job does not run.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, EnqueueError, UniqueScope, enqueue},
};
use serde_json::{Value, json};
use suites::{SignedIn, TestApp, eventually};
use uuid::Uuid;

use super::{LATER, LIMIT, administrator, because, change, discarded, finish, idle_worker, put, waiting};

async fn reasons(admin: &SignedIn, id: Uuid) -> Vec<Value> {
    let (status, why, _) = admin.get(&format!("/api/admin/jobs/{id}/why")).await;
    assert_eq!(status, 200, "{why}");
    why["reasons"].as_array().expect("reasons").clone()
}

async fn codes(admin: &SignedIn, id: Uuid) -> Vec<String> {
    let reasons = reasons(admin, id).await;
    reasons.iter().map(|reason| reason["code"].as_str().expect("a code").to_owned()).collect()
}

fn now() -> Exercise {
    Exercise::default()
}

#[tokio::test]
async fn a_job_waits_for_its_time_for_a_worker_or_for_its_queue() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let available = put(&app, now(), Enqueue::default()).await;
    assert_eq!(codes(&admin, available).await, ["UNKNOWN_KIND", "UNSERVED_QUEUE"]);
    idle_worker(&app).await;
    assert_eq!(codes(&admin, available).await, ["IN_LINE"]);
    let behind = put(&app, now(), Enqueue::default()).await;
    let text = reasons(&admin, behind).await[0]["text"].as_str().expect("text").to_owned();
    assert!(text.contains("1 jobs go first"), "{text}");

    let scheduled = waiting(&app).await;
    let why = reasons(&admin, scheduled).await;
    assert_eq!(why[0]["code"], "SCHEDULED");
    assert!(why[0]["until"].is_string());
    change(&app, scheduled, "update queue.jobs set state = 'retryable', failures = 2 where job_id = $1")
        .await;
    assert_eq!(codes(&admin, scheduled).await, ["BACKOFF"]);

    admin.post("/api/admin/queues/default/pause", &because("the broker is down")).await;
    let why = reasons(&admin, available).await;
    assert_eq!(why[0]["code"], "PAUSED");
    assert!(why[0]["text"].as_str().expect("text").ends_with("the broker is down"), "{why:?}");
    assert_eq!(codes(&admin, scheduled).await, ["BACKOFF", "PAUSED"]);

    change(&app, available, "update queue.jobs set not_after = clock_timestamp() where job_id = $1").await;
    assert_eq!(codes(&admin, available).await, ["EXPIRED", "PAUSED"]);
}

#[tokio::test]
async fn a_job_waits_for_others() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    idle_worker(&app).await;
    let first = put(&app, now(), Enqueue::default().fifo("account:1")).await;
    let second = put(&app, now(), Enqueue::default().fifo("account:1")).await;
    let why = reasons(&admin, second).await;
    assert_eq!((&why[0]["code"], &why[0]["jobs"]), (&json!("FIFO_BLOCKED"), &json!([first.to_string()])));

    let other = waiting(&app).await;
    let dependent = put(&app, now(), Enqueue::default().after(&[first, other])).await;
    let why = reasons(&admin, dependent).await;
    assert_eq!(why[0]["code"], "WAITS_FOR");
    assert_eq!(why[0]["jobs"].as_array().expect("jobs").len(), 2);
    let (_, job, _) = admin.get(&format!("/api/admin/jobs/{other}")).await;
    assert_eq!(job["awaitedBy"], json!([dependent.to_string()]));
    finish(&app, other, "completed", None).await;
    finish(&app, first, "completed", None).await;
    assert_eq!(codes(&admin, dependent).await, ["ADMITTED_SOON"]);
    assert_eq!(codes(&admin, second).await, ["ADMITTED_SOON"]);
}

#[tokio::test]
async fn a_job_waits_for_room_under_its_limit() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    idle_worker(&app).await;
    let path = "/api/admin/limits/broker:alpaca";
    assert_eq!(admin.put(path, &json!({ "maxRunning": 1 })).await.0, 200);
    let holder = put(&app, now(), Enqueue::default().limit("broker:alpaca")).await;
    change(&app, holder, "update queue.jobs set state = 'available' where job_id = $1").await;
    let held = put(&app, now(), Enqueue::default().limit("broker:alpaca")).await;
    let why = reasons(&admin, held).await;
    assert_eq!((&why[0]["code"], &why[0]["jobs"]), (&json!("LIMIT_HELD"), &json!([holder.to_string()])));
    assert!(why[0]["text"].as_str().expect("text").contains(&holder.to_string()));

    assert_eq!(admin.put(path, &json!({ "ratePerMinute": 1 })).await.0, 200);
    sqlx::query("update queue.limits set tokens = 0, refilled_at = clock_timestamp()")
        .execute(&app.pool)
        .await
        .expect("emptied");
    let why = reasons(&admin, held).await;
    assert_eq!(why[0]["code"], "RATE_LIMITED");
    assert!(why[0]["until"].is_string(), "{why:?}");
    let (_, limit, _) = admin.get(path).await;
    assert_eq!((&limit["admitted"], &limit["blocked"]["count"]), (&json!(1), &json!(1)));
    assert_eq!(admin.delete(path).await.0, 200);
    assert_eq!(codes(&admin, held).await, ["ADMITTED_SOON"]);
}

#[tokio::test]
async fn a_finished_job_says_whether_it_could_run_again() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let unique = || Exercise { unique: Some("u".into()), ..now() };
    let dead = put(&app, unique(), Enqueue::default()).await;
    finish(&app, dead, "discarded", Some("X: y")).await;
    assert_eq!(codes(&admin, dead).await, ["FINISHED"]);
    let holder = put(&app, unique(), Enqueue::default().delay(LATER)).await;
    let why = reasons(&admin, dead).await;
    assert_eq!((&why[1]["code"], &why[1]["jobs"]), (&json!("UNIQUE_BLOCKED"), &json!([holder.to_string()])));
    let once = discarded(&app, "X: y").await;
    assert_eq!(codes(&admin, once).await, ["FINISHED"]);
    // Another scope of uniqueness keeps no key in the history.
    let mut conn = app.pool.acquire().await.expect("a connection");
    let other = Exercise { unique: Some("v".into()), ..now() };
    let options = Enqueue::default().unique_scope(UniqueScope::Waiting);
    let enqueued: Result<_, EnqueueError> = enqueue(&mut conn, &other, options).await;
    assert!(enqueued.expect("enqueued").inserted);
}

#[tokio::test]
async fn a_running_job_says_where_and_since_when() {
    let app = TestApp::builder().workers(1).start().await;
    let admin = administrator(&app).await;
    let id = put(&app, Exercise { act: Act::Work { ms: 25_000 }, ..now() }, Enqueue::default()).await;
    eventually("it runs", LIMIT, async || codes(&admin, id).await == ["RUNNING"]).await;
    // A worker may run a job a moment before it is on the list.
    eventually("the worker is seen", LIMIT, async || {
        let (_, workers, _) = admin.get("/api/admin/workers").await;
        if (&workers[0]["live"], &workers[0]["running"]) == (&json!(true), &json!(1)) {
            Ok(())
        } else {
            Err(workers)
        }
    })
    .await;
    let text = reasons(&admin, id).await[0]["text"].as_str().expect("text").to_owned();
    assert!(
        text.starts_with("running on worker ") && text.contains("pid") && text.contains("since"),
        "{text}"
    );
    assert_eq!(admin.post(&format!("/api/admin/jobs/{id}/cancel"), &because("enough")).await.0, 200);
    eventually("it has stopped", LIMIT, async || codes(&admin, id).await == ["FINISHED"]).await;
}

#[tokio::test]
async fn a_job_without_a_living_worker_or_in_doubt_says_so() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let id = waiting(&app).await;
    change(
        &app,
        id,
        "update queue.jobs set state = 'running', lease_token = gen_random_uuid(), cancel_requested_at = now(),
                lease_expires_at = clock_timestamp() - interval '1 s', started_at = now() where job_id = $1",
    )
    .await;
    assert_eq!(codes(&admin, id).await, ["CANCEL_REQUESTED", "LEASE_EXPIRED"]);
    for (state, code) in [("quarantined", "QUARANTINED"), ("indeterminate", "INDETERMINATE")] {
        let id = waiting(&app).await;
        sqlx::query("update queue.jobs set state = $2::queue.job_state where job_id = $1")
            .bind(id)
            .bind(state)
            .execute(&app.pool)
            .await
            .expect("changed");
        assert_eq!(codes(&admin, id).await, [code]);
    }
}
