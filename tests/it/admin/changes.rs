//! Deciding about one job.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::Enqueue,
};
use serde_json::{Value, json};
use suites::{SignedIn, TestApp, eventually, requests::long_backtest};
use uuid::Uuid;

use super::{
    LATER, LIMIT, administrator, because, change, count, discarded, finish, outcome, put, refused, waiting,
};

fn path(id: Uuid, verb: &str) -> String {
    format!("/api/admin/jobs/{id}/{verb}")
}

async fn done(admin: &SignedIn, id: Uuid, verb: &str) -> Value {
    let (status, body, _) = admin.post(&path(id, verb), &because("as it should be")).await;
    assert_eq!(status, 200, "{verb}: {body}");
    body
}

#[tokio::test]
async fn a_retry_lets_a_waiting_job_run_now_under_its_own_id() {
    let mut app = TestApp::start().await;
    let admin = administrator(&app).await;
    let id = waiting(&app).await;
    let changed = done(&admin, id, "retry").await;
    assert_eq!((&changed["outcome"], &changed["job"]["state"]), (&json!("retried"), &json!("available")));
    assert_eq!(changed["job"]["id"], json!(id.to_string()));
    assert_eq!(outcome(admin.post(&path(id, "retry"), &because("again")).await), refused(409, "CONFLICT"));

    let lost = waiting(&app).await;
    change(&app, lost, "update queue.jobs set state = 'quarantined', crashes = 3 where job_id = $1").await;
    let changed = done(&admin, lost, "retry").await;
    assert_eq!((&changed["job"]["state"], &changed["job"]["crashes"]), (&json!("available"), &json!(0)));

    let gated = put(&app, Exercise::default(), Enqueue::default().delay(LATER).fifo("k")).await;
    assert_eq!(done(&admin, gated, "retry").await["job"]["state"], "blocked", "its turn is kept");
    app.start_worker();
    eventually("all three have run", LIMIT, async || {
        count(&app, "select count(*) from queue.finished where state = 'completed'").await == 3
    })
    .await;
}

#[tokio::test]
async fn a_finished_job_is_repeated_once_as_a_new_job() {
    let mut app = TestApp::start().await;
    let admin = administrator(&app).await;
    let job = Exercise { unique: Some("u".into()), ..Exercise::default() };
    let options = || Enqueue::default().delay(LATER).tag("blue").trace_id("trace-7").priority(3);
    let dead = put(&app, job.clone(), options()).await;
    finish(&app, dead, "discarded", Some("X: y")).await;
    let changed = done(&admin, dead, "retry").await;
    assert_eq!(changed["outcome"], "repeated");
    let repeated: Uuid = changed["job"]["id"].as_str().expect("an id").parse().expect("a uuid");
    assert_ne!(repeated, dead);
    let (_, detail, _) = admin.get(&format!("/api/admin/jobs/{repeated}")).await;
    assert_eq!(
        [&detail["retryOf"], &detail["tags"], &detail["traceId"], &detail["priority"], &detail["uniqueKey"]],
        [&json!(dead.to_string()), &json!(["blue"]), &json!("trace-7"), &json!(3), &json!("u")]
    );
    let (_, before, _) = admin.get(&format!("/api/admin/jobs/{dead}")).await;
    assert_eq!((&before["state"], &before["retriedAs"]), (&json!("discarded"), &json!(repeated.to_string())));
    let (status, body, _) = admin.post(&path(dead, "retry"), &because("again")).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("ALREADY_RETRIED")));
    assert_eq!(body["details"]["jobId"], json!(repeated.to_string()));

    let other = put(&app, Exercise { unique: Some("w".into()), ..Exercise::default() }, options()).await;
    finish(&app, other, "cancelled", None).await;
    let holder = put(&app, Exercise { unique: Some("w".into()), ..Exercise::default() }, options()).await;
    let (status, body, _) = admin.post(&path(other, "retry"), &because("again")).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("UNIQUE_BLOCKED")));
    assert_eq!(body["details"]["jobId"], json!(holder.to_string()));
    assert_eq!(count(&app, "select count(*) from queue.retries").await, 1, "nothing is half done");

    let fine = waiting(&app).await;
    finish(&app, fine, "completed", None).await;
    assert_eq!(outcome(admin.post(&path(fine, "retry"), &because("x")).await), refused(409, "CONFLICT"));
    app.start_worker();
    eventually("the repetition is completed", LIMIT, async || {
        admin.get(&format!("/api/admin/jobs/{repeated}")).await.1["state"] == "completed"
    })
    .await;
}

#[tokio::test]
async fn two_people_who_retry_at_once_make_one_new_job() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let dead = discarded(&app, "X: y").await;
    let (target, reason) = (path(dead, "retry"), because("now"));
    let answers = futures::future::join_all((0..6).map(|_| admin.post(&target, &reason))).await;
    let good = answers.iter().filter(|(status, ..)| status.as_u16() == 200).count();
    assert_eq!(good, 1, "{answers:?}");
    assert_eq!(count(&app, "select count(*) from queue.jobs").await, 1);
}

#[tokio::test]
async fn a_discarded_job_tells_its_kind() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let (_, run, _) = admin.post("/api/backtests", &long_backtest()).await;
    let run = run["id"].as_str().expect("an id").to_owned();
    let job: Uuid = sqlx::query_scalar("select job_id from queue.jobs where kind = 'run_backtest'")
        .fetch_one(&app.pool)
        .await
        .expect("its job");
    let changed = done(&admin, job, "discard").await;
    assert_eq!((&changed["outcome"], &changed["job"]["state"]), (&json!("discarded"), &json!("discarded")));
    assert_eq!(changed["job"]["lastError"], "DISCARDED: as it should be");
    let (_, shown, _) = admin.get(&format!("/api/backtests/{run}")).await;
    assert_eq!(shown["status"], "FAILED", "{shown}");
    assert_eq!(outcome(admin.post(&path(job, "discard"), &because("x")).await), refused(409, "CONFLICT"));
    assert_eq!(outcome(admin.post(&path(job, "cancel"), &because("x")).await), refused(409, "CONFLICT"));
}

#[tokio::test]
async fn a_running_job_is_cancelled_not_discarded() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let id = waiting(&app).await;
    change(
        &app,
        id,
        "update queue.jobs set state = 'running', lease_token = gen_random_uuid(),
                lease_expires_at = now() + interval '1 day' where job_id = $1",
    )
    .await;
    let (status, body, _) = admin.post(&path(id, "discard"), &because("x")).await;
    assert_eq!((status.as_u16(), &body["details"]["state"]), (409, &json!("running")));
    assert_eq!(done(&admin, id, "cancel").await["outcome"], "cancel_requested");
    let next = waiting(&app).await;
    assert_eq!(done(&admin, next, "cancel").await["outcome"], "cancelled");
    let nobody = Uuid::now_v7();
    for verb in ["retry", "cancel", "discard"] {
        let answer = outcome(admin.post(&path(nobody, verb), &because("x")).await);
        assert_eq!(answer, refused(404, "NOT_FOUND"), "{verb}");
    }
}

#[tokio::test]
async fn a_job_in_doubt_is_resolved_three_ways_and_no_other_job_is() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    for (word, state) in [("completed", "completed"), ("retry", "available"), ("discarded", "discarded")] {
        let id = waiting(&app).await;
        let body = json!({ "outcome": word, "reason": "seen at the broker" });
        assert_eq!(outcome(admin.post(&path(id, "resolve"), &body).await), refused(409, "CONFLICT"));
        change(&app, id, "update queue.jobs set state = 'indeterminate' where job_id = $1").await;
        let odd = json!({ "outcome": "maybe", "reason": "?" });
        assert_eq!(outcome(admin.post(&path(id, "resolve"), &odd).await), refused(400, "INVALID_FIELD"));
        let (status, changed, _) = admin.post(&path(id, "resolve"), &body).await;
        assert_eq!(status, 200, "{changed}");
        assert_eq!((&changed["outcome"], &changed["job"]["state"]), (&json!("resolved"), &json!(state)));
        assert_eq!(changed["job"]["id"], json!(id.to_string()), "its idempotency key stays");
    }
    let (_, jobs, _) = admin.get("/api/admin/jobs?state=completed").await;
    let id = jobs[0]["id"].as_str().expect("an id");
    let (_, job, _) = admin.get(&format!("/api/admin/jobs/{id}")).await;
    assert_eq!(job["output"], json!({ "resolved": "seen at the broker" }));
}

/// Actor, action, reason, state before, state after.
type Row = (Option<Uuid>, String, Option<String>, String, String);

#[tokio::test]
async fn each_change_leaves_who_why_before_and_after() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let id = waiting(&app).await;
    done(&admin, id, "retry").await;
    done(&admin, id, "cancel").await;
    let rows: Vec<Row> = sqlx::query_as(
        "select actor_id, action, reason, before ->> 'state', after ->> 'state' from audit_log
          where resource = 'job' and resource_id = $1 order by audit_id",
    )
    .bind(id.to_string())
    .fetch_all(&app.pool)
    .await
    .expect("rows");
    let actor: Option<Uuid> = admin.user_id.parse().ok();
    let row = |action: &str, before: &str, after: &str| {
        (actor, action.to_owned(), Some("as it should be".to_owned()), before.to_owned(), after.to_owned())
    };
    assert_eq!(
        rows,
        [row("retry_job", "scheduled", "available"), row("cancel_job", "available", "cancelled")]
    );
}

#[tokio::test]
async fn a_repeated_job_keeps_its_own_limit_of_failures() {
    let mut app = TestApp::start().await;
    let admin = administrator(&app).await;
    let failing = || Exercise { act: Act::Fail { times: 99 }, ..Exercise::default() };
    let options = || Enqueue::default().max_failures(1);
    let mut dead = Vec::new();
    for verb in ["cancel", "discard"] {
        let id = put(&app, failing(), options().delay(LATER)).await;
        done(&admin, id, verb).await;
        dead.push(id);
    }
    app.start_worker();
    for id in dead {
        let changed = done(&admin, id, "retry").await;
        let path = format!("/api/admin/jobs/{}", changed["job"]["id"].as_str().expect("an id"));
        eventually("the repetition is discarded", LIMIT, async || {
            admin.get(&path).await.1["state"] == "discarded"
        })
        .await;
        let (_, job, _) = admin.get(&path).await;
        assert_eq!(job["failures"], 1, "{job}");
    }
}

#[tokio::test]
async fn a_kind_is_told_what_an_operator_makes_of_its_job() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (_, run, _) = admin.post("/api/backtests", &long_backtest()).await;
        let run = run["id"].as_str().expect("an id").to_owned();
        let job: Uuid = sqlx::query_scalar("select job_id from backtests where backtest_id = $1::uuid")
            .bind(&run)
            .fetch_one(&app.pool)
            .await
            .expect("its job");
        runs.push((format!("/api/backtests/{run}"), job));
    }
    let [(failed, dead), (doubtful, unsure)] = runs.as_slice() else { panic!("two runs") };
    done(&admin, *dead, "discard").await;
    assert_eq!(admin.get(failed).await.1["status"], "FAILED");
    done(&admin, *dead, "retry").await;
    let (_, run, _) = admin.get(failed).await;
    assert_eq!((&run["status"], &run["progress"]), (&json!("QUEUED"), &json!(0)), "it runs again: {run}");

    change(&app, *unsure, "update queue.jobs set state = 'indeterminate' where job_id = $1").await;
    let body = json!({ "outcome": "completed", "reason": "never mind" });
    assert_eq!(admin.post(&path(*unsure, "resolve"), &body).await.0, 200);
    assert_eq!(admin.get(doubtful).await.1["status"], "FAILED", "it has no results");
}
