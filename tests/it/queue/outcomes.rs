//! How attempts end, and what becomes of their jobs.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::Enqueue,
};
use serde_json::json;
use suites::TestApp;

use super::{act, attempts, job, put, reaches};

async fn app() -> TestApp {
    TestApp::builder().workers(1).start().await
}

/// The outcomes of a job's attempts, in order.
async fn outcomes(app: &TestApp, id: uuid::Uuid) -> Vec<String> {
    attempts(app, id).await.into_iter().map(|attempt| attempt.outcome).collect()
}

#[tokio::test]
async fn a_success_is_recorded_with_its_output() {
    let app = app().await;
    let id = act(&app, Act::Succeed).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!(done.output, Some(json!({ "attempt": 1 })));
    assert_eq!((done.attempt, done.failures, done.progress), (1, 0, Some(100)));
    assert!(done.finished_at.is_some() && done.worker_id.is_some());
    assert_eq!(outcomes(&app, id).await, ["completed"]);
}

#[tokio::test]
async fn a_failure_waits_out_its_backoff_and_every_attempt_is_kept() {
    let app = app().await;
    let id = act(&app, Act::Fail { times: 2 }).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!((done.attempt, done.failures), (3, 2));
    let attempts = attempts(&app, id).await;
    let seen: Vec<_> = attempts.iter().map(|a| (a.attempt, a.outcome.as_str())).collect();
    assert_eq!(seen, [(1, "retryable"), (2, "retryable"), (3, "completed")]);
    assert_eq!(attempts[0].error_class.as_deref(), Some("EXERCISE"));
    assert_eq!(attempts[0].fingerprint, attempts[1].fingerprint, "alike failures share a fingerprint");
    let floor = chrono::Duration::milliseconds(50);
    let gap = attempts[1].started_at.expect("started") - attempts[0].ended_at;
    assert!(gap >= floor, "the second attempt began {gap} after the first");
}

#[tokio::test]
async fn a_retry_is_due_by_its_backoff_and_begins_no_sooner() {
    let app = app().await;
    let id = act(&app, Act::Fail { times: 1 }).await;
    let done = reaches(&app, id, "completed").await;
    let attempts = attempts(&app, id).await;
    // The kind's first backoff is 100 ms at most, counted from the failure's own record.
    let waits = done.run_at - attempts[0].ended_at;
    assert!(waits <= chrono::Duration::milliseconds(100), "it was to wait {waits}");
    assert!(attempts[1].started_at.expect("it ran again") >= done.run_at);
}

#[tokio::test]
async fn a_panic_is_a_failure_like_any_other() {
    let app = app().await;
    let id = act(&app, Act::Panic { times: 1 }).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!(done.failures, 1);
    let first = &attempts(&app, id).await[0];
    assert_eq!(first.error_class.as_deref(), Some("PANIC"));
    assert!(first.message.as_deref().is_some_and(|m| m.contains("panicking in attempt 1")));
}

#[tokio::test]
async fn a_fatal_failure_discards_the_job_at_once() {
    let app = app().await;
    let id = act(&app, Act::Refuse).await;
    let done = reaches(&app, id, "discarded").await;
    assert_eq!((done.attempt, done.failures), (1, 1));
    assert!(done.last_error.as_deref().is_some_and(|e| e.contains("refusing as told")));
}

#[tokio::test]
async fn a_job_is_discarded_after_its_last_failure() {
    let app = app().await;
    let job = Exercise { act: Act::Fail { times: 99 }, ..Exercise::default() };
    let id = put(&app, job, Enqueue::default().max_failures(2)).await;
    let done = reaches(&app, id, "discarded").await;
    assert_eq!((done.attempt, done.failures), (2, 2));
    assert_eq!(outcomes(&app, id).await, ["retryable", "discarded"]);
}

#[tokio::test]
async fn a_snooze_spends_no_failure() {
    let app = app().await;
    let id = put(
        &app,
        Exercise { act: Act::Snooze { times: 3, ms: 10 }, ..Exercise::default() },
        Enqueue::default().max_failures(1),
    )
    .await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!((done.attempt, done.failures), (4, 0));
    assert_eq!(outcomes(&app, id).await, ["snoozed", "snoozed", "snoozed", "completed"]);
}

#[tokio::test]
async fn a_snoozed_job_is_due_when_it_said_and_begins_no_sooner() {
    let app = app().await;
    let id = act(&app, Act::Snooze { times: 1, ms: 1_200 }).await;
    let done = reaches(&app, id, "completed").await;
    let attempts = attempts(&app, id).await;
    // Both are read from one clock, one just after the other.
    let waits = done.run_at - attempts[0].ended_at;
    assert!(waits <= chrono::Duration::milliseconds(1_200), "it was to wait {waits}");
    assert!(waits > chrono::Duration::zero(), "it was to wait {waits}");
    assert!(attempts[1].started_at.expect("it ran again") >= done.run_at);
}

#[tokio::test]
async fn a_payload_that_does_not_decode_ends_its_job_and_not_the_worker() {
    let app = app().await;
    let id = act(&app, Act::Succeed).await;
    let bad = Enqueue::new_id();
    sqlx::query(
        "insert into queue.jobs (job_id, queue, kind, payload, state)
         values ($1, 'default', 'exercise', '{\"act\": \"fly\"}', 'available')",
    )
    .bind(bad)
    .execute(&app.pool)
    .await
    .expect("inserted");
    let done = reaches(&app, bad, "discarded").await;
    assert!(done.last_error.as_deref().is_some_and(|e| e.starts_with("PAYLOAD_UNDECODABLE")), "{done:?}");
    reaches(&app, id, "completed").await;
    let after = act(&app, Act::Succeed).await;
    reaches(&app, after, "completed").await;
}

#[tokio::test]
async fn a_handler_can_finish_inside_its_own_transaction() {
    let app = app().await;
    let id = act(&app, Act::CompleteInside).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!(done.output, Some(json!({ "attempt": 1 })));
    assert_eq!(app.counters[0].fenced_writes_total(), 0, "its acknowledgement is no stale write");
}

#[tokio::test]
async fn the_rows_of_a_handler_and_its_completion_commit_together() {
    let app = app().await;
    let user = app.signed_up().await;
    let (status, run, _) = user.post("/api/backtests", &suites::requests::long_backtest()).await;
    assert_eq!(status, 200, "{run}");
    let id = sqlx::query_scalar("select job_id from backtests").fetch_one(&app.pool).await.expect("its job");
    reaches(&app, id, "completed").await;
    let (rows, together): (i64, Option<bool>) = sqlx::query_as(
        "select count(*), bool_and(e.xmin = f.xmin)
           from backtests b
           join backtest_equity e using (backtest_id)
           join queue.finished f using (job_id)",
    )
    .fetch_one(&app.pool)
    .await
    .expect("read");
    assert!(
        rows > 0 && together == Some(true),
        "{rows} rows, of the transaction that finished it: {together:?}"
    );
}

#[tokio::test]
async fn an_output_that_postgres_cannot_store_does_not_hold_up_the_others() {
    let app = app().await;
    let nul = act(&app, Act::OutputNul).await;
    let other = act(&app, Act::Succeed).await;
    let done = reaches(&app, nul, "completed").await;
    assert_eq!(done.output, Some(json!({ "nul\u{fffd}": ["\u{fffd}"] })));
    reaches(&app, other, "completed").await;
}

#[tokio::test]
async fn progress_is_visible_while_the_job_runs() {
    let app = app().await;
    let id = act(&app, Act::Work { ms: 3000 }).await;
    suites::eventually("progress between 1 and 99", super::LIMIT, async || {
        let job = job(&app, id).await.expect("it is there");
        job.progress.is_some_and(|percent| (1..100).contains(&percent)).then_some(job.progress_note)
    })
    .await;
    reaches(&app, id, "completed").await;
}

#[tokio::test]
async fn many_jobs_over_several_workers_finish_once_each() {
    // Each once: no lease is lost to a machine that stands still for a while.
    let app = TestApp::builder().workers(3).config(|config| config.queue.lease_ms = 30_000).start().await;
    let jobs: Vec<_> = (0..500).map(|_| Exercise::default()).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    jobs::queue::enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    suites::eventually("the queue is empty", super::LIMIT, async || {
        sqlx::query_scalar::<_, i64>("select count(*) from queue.jobs")
            .fetch_one(&app.pool)
            .await
            .expect("counted")
            == 0
    })
    .await;
    let (rows, ids, attempts): (i64, i64, Option<i32>) =
        sqlx::query_as("select count(*), count(distinct job_id), max(attempt) from queue.finished")
            .fetch_one(&app.pool)
            .await
            .expect("counted");
    assert_eq!((rows, ids, attempts), (500, 500, Some(1)));
}

#[tokio::test]
async fn an_outcome_that_the_database_refuses_for_good_holds_up_nobody_else() {
    let app = TestApp::start().await;
    sqlx::query("alter table queue.finished add constraint refused check (output is distinct from '{\"done_in\": []}')")
        .execute(&app.pool)
        .await
        .expect("altered");
    let bad = act(&app, Act::Steps { of: 0, then_fail: 0 }).await;
    let mut good = Vec::new();
    for _ in 0..5 {
        good.push(act(&app, Act::Succeed).await);
    }
    let mut app = app;
    app.start_worker();
    for id in good {
        reaches(&app, id, "completed").await;
    }
    let done = reaches(&app, bad, "discarded").await;
    assert!(done.last_error.as_deref().is_some_and(|e| e.starts_with("OUTPUT_REFUSED")), "{done:?}");
}

#[tokio::test]
async fn a_day_whose_rows_came_before_its_partition_gets_one_with_them() {
    let app = TestApp::start().await;
    sqlx::query(
        "insert into queue.attempts (job_id, attempt, ended_at, outcome)
         select gen_random_uuid(), n, timestamptz '2031-05-05 12:00Z', 'crashed' from generate_series(1, 3) n",
    )
    .execute(&app.pool)
    .await
    .expect("inserted");
    let made: bool = sqlx::query_scalar("select queue.ensure_partitions('2031-05-05')")
        .fetch_one(&app.pool)
        .await
        .expect("the partition is made");
    assert!(made);
    let rows: (i64, i64) = sqlx::query_as(
        "select (select count(*) from queue.attempts_20310505), (select count(*) from queue.attempts_default)",
    )
    .fetch_one(&app.pool)
    .await
    .expect("counted");
    assert_eq!(rows, (3, 0));
    let dropped: i32 = sqlx::query_scalar("select queue.drop_partitions('2031-05-06')")
        .fetch_one(&app.pool)
        .await
        .expect("dropped");
    assert!(dropped >= 2, "those of that day, and the earlier ones");
}
