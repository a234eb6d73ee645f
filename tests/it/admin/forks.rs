//! Jobs begun anew in the middle.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::Enqueue,
};
use serde_json::{Value, json};
use suites::{SignedIn, TestApp, eventually};
use uuid::Uuid;

use super::{LATER, LIMIT, administrator, because, count, outcome, put, refused};

fn path(id: Uuid) -> String {
    format!("/api/admin/jobs/{id}")
}

async fn fork(admin: &SignedIn, id: Uuid, body: &Value) -> Uuid {
    let (status, changed, _) = admin.post(&format!("{}/fork", path(id)), body).await;
    assert_eq!((status.as_u16(), &changed["outcome"]), (200, &json!("forked")), "{changed}");
    changed["job"]["id"].as_str().expect("an id").parse().expect("a uuid")
}

async fn completed(admin: &SignedIn, id: Uuid) -> Value {
    eventually("the job is completed", LIMIT, async || {
        let job = admin.get(&path(id)).await.1;
        if job["state"] == "completed" { Ok(job) } else { Err(job.to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_fork_of_a_finished_job_reads_the_steps_before_and_does_the_others_itself() {
    let app = TestApp::builder().workers(1).start().await;
    let admin = administrator(&app).await;
    let work = Exercise { act: Act::Steps { of: 4, then_fail: 1 }, ..Exercise::default() };
    let id = put(&app, work, Enqueue::default().tag("blue").priority(3)).await;
    assert_eq!(completed(&admin, id).await["output"], json!({ "done_in": [1, 2, 2, 2] }));

    // What is read is told from what is done.
    sqlx::query("update queue.steps set output = to_jsonb(10 + output::int)")
        .execute(&app.pool)
        .await
        .expect("changed");

    let body = json!({ "fromStep": "step 2", "reason": "step 2 had a mistake" });
    let forked = fork(&admin, id, &body).await;
    let job = completed(&admin, forked).await;
    assert_eq!(job["output"], json!({ "done_in": [11, 12, 2, 2] }));
    assert_eq!(
        [&job["forkedFrom"], &job["fromStep"], &job["tags"], &job["priority"]],
        [&json!(id.to_string()), &json!("step 2"), &json!(["blue"]), &json!(3)]
    );
    let whole = fork(&admin, id, &because("once more")).await;
    let job = completed(&admin, whole).await;
    assert_eq!((&job["output"], &job["fromStep"]), (&json!({ "done_in": [1, 2, 2, 2] }), &Value::Null));
    let (_, old, _) = admin.get(&path(id)).await;
    assert_eq!(old["forks"], json!([forked.to_string(), whole.to_string()]));
    assert_eq!(old["state"], "completed", "the old job is as it was");
    let (reason, after): (String, Value) = sqlx::query_as(
        "select reason, after from audit_log where action = 'fork_job' and resource_id = $1 order by audit_id",
    )
    .bind(id.to_string())
    .fetch_one(&app.pool)
    .await
    .expect("its audit row");
    assert_eq!(reason, "step 2 had a mistake");
    assert_eq!((&after["forkedAs"], &after["fromStep"]), (&json!(forked.to_string()), &json!("step 2")));
}

#[tokio::test]
async fn a_fork_that_can_not_be_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let id = put(&app, Exercise::default(), Enqueue::default().delay(LATER).max_failures(9)).await;
    let target = format!("{}/fork", path(id));
    let (status, refusal, _) =
        admin.post(&target, &json!({ "from_step": "no such step", "reason": "x" })).await;
    assert_eq!((status.as_u16(), &refusal["code"]), (400, &json!("UNKNOWN_STEP")));
    assert_eq!(refusal["details"]["known"], json!([]));
    assert_eq!(outcome(admin.post(&target, &json!({})).await), refused(400, "INVALID_FIELD"));
    let nobody = format!("{}/fork", path(Uuid::now_v7()));
    assert_eq!(outcome(admin.post(&nobody, &because("x")).await), refused(404, "NOT_FOUND"));
    let keyed = Exercise { unique: Some("u".into()), ..Exercise::default() };
    let keyed = put(&app, keyed, Enqueue::default().delay(LATER)).await;
    let (status, refusal, _) = admin.post(&format!("{}/fork", path(keyed)), &because("x")).await;
    assert_eq!((status.as_u16(), &refusal["code"]), (409, &json!("UNIQUE_BLOCKED")));
    assert_eq!(refusal["details"]["jobId"], json!(keyed.to_string()));
    assert_eq!(count(&app, "select count(*) from queue.jobs").await, 2);
    assert_eq!(count(&app, "select count(*) from queue.forks").await, 0);
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'fork_job'").await, 0);
    let forked = fork(&admin, id, &because("a waiting job too")).await;
    assert_eq!(admin.get(&path(forked)).await.1["maxFailures"], 9);
}
