//! Enqueueing: with the caller's transaction, once a key, when due, by priority.

use std::time::Duration;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, enqueue, enqueue_many},
};
use sqlx::Connection;
use suites::TestApp;

use super::{job, put, reaches};

#[tokio::test]
async fn a_job_appears_when_its_transaction_commits_and_not_when_it_rolls_back() {
    let app = TestApp::start().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    for commits in [false, true] {
        let mut tx = conn.begin().await.expect("a transaction");
        let id = enqueue(&mut tx, &Exercise::default(), Enqueue::default()).await.expect("enqueued").job_id;
        if commits {
            tx.commit().await.expect("committed");
        } else {
            tx.rollback().await.expect("rolled back");
        }
        assert_eq!(job(&app, id).await.is_some(), commits);
    }
}

#[tokio::test]
async fn the_id_is_the_callers_when_given() {
    let app = TestApp::start().await;
    let id = Enqueue::new_id();
    assert_eq!(put(&app, Exercise::default(), Enqueue::default().id(id).trace_id("t-1")).await, id);
    let job = job(&app, id).await.expect("it is there");
    assert_eq!((job.state.as_str(), job.trace_id.as_deref()), ("available", Some("t-1")));
}

#[tokio::test]
async fn a_unique_key_is_held_by_one_unfinished_job_and_free_again_afterwards() {
    let mut app = TestApp::start().await;
    let keyed = || Exercise { unique: Some("k".into()), ..Exercise::default() };
    let mut conn = app.pool.acquire().await.expect("a connection");
    let first = enqueue(&mut conn, &keyed(), Enqueue::default()).await.expect("enqueued");
    let second = enqueue(&mut conn, &keyed(), Enqueue::default()).await.expect("answered");
    assert!(first.inserted && !second.inserted);
    assert_eq!(first.job_id, second.job_id);
    app.start_worker();
    reaches(&app, first.job_id, "completed").await;
    let third = enqueue(&mut conn, &keyed(), Enqueue::default()).await.expect("enqueued");
    assert!(third.inserted && third.job_id != first.job_id);
}

#[tokio::test]
async fn a_bulk_insert_keeps_all_but_the_jobs_whose_key_is_taken() {
    let app = TestApp::start().await;
    let keyed = |key: &str| Exercise { unique: Some(key.into()), ..Exercise::default() };
    let mut conn = app.pool.acquire().await.expect("a connection");
    enqueue(&mut conn, &keyed("b"), Enqueue::default()).await.expect("enqueued");
    let jobs = [keyed("a"), keyed("b"), Exercise::default(), Exercise::default(), keyed("a")];
    let inserted = enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    assert_eq!(inserted.len(), 3, "a once, b not again, both without a key");
}

#[tokio::test]
async fn a_bulk_insert_is_one_transaction_even_without_one_of_the_caller() {
    let app = TestApp::start().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let good = vec![Exercise::default(); 500];
    enqueue_many(&mut conn, &good, &Enqueue::default()).await.expect("enqueued");
    let mut bad = good.clone();
    // Postgres stores no NUL in text.
    bad.push(Exercise { unique: Some("\0".into()), ..Exercise::default() });
    enqueue_many(&mut conn, &bad, &Enqueue::default()).await.expect_err("one of them is refused");
    let (jobs, transactions): (i64, i64) =
        sqlx::query_as("select count(*), count(distinct xmin::text) from queue.jobs")
            .fetch_one(&app.pool)
            .await
            .expect("counted");
    assert_eq!((jobs, transactions), (500, 1));
}

#[tokio::test]
async fn a_scheduled_job_runs_when_due_and_not_before() {
    let mut app = TestApp::start().await;
    let delay = Duration::from_millis(1500);
    let id = put(&app, Exercise::default(), Enqueue::default().delay(delay)).await;
    assert_eq!(job(&app, id).await.expect("it is there").state, "scheduled");
    app.start_worker();
    let done = reaches(&app, id, "completed").await;
    let started = done.started_at.expect("it ran");
    assert!(started >= done.run_at, "started {started}, due {}", done.run_at);
    assert!((done.run_at - done.created_at).to_std().expect("later") >= Duration::from_millis(1490));
}

#[tokio::test]
async fn jobs_start_by_priority_then_by_age() {
    let mut app = TestApp::builder()
        .config(|config| {
            config.worker.queues = [("default".to_owned(), 1)].into();
        })
        .start()
        .await;
    let mut expected = Vec::new();
    for (priority, place) in [(5, 3), (0, 1), (-5, 0), (0, 2), (9, 4)] {
        // Long enough to be claimed one by one: within a claim, no start is before another.
        let work = Exercise { deaf_ms: 40, ..Exercise::default() };
        let id = put(&app, work, Enqueue::default().priority(priority)).await;
        expected.push((place, id));
    }
    expected.sort_unstable();
    app.start_worker();
    let mut started = Vec::new();
    for (_, id) in &expected {
        started.push(reaches(&app, *id, "completed").await.started_at);
    }
    assert!(started.is_sorted(), "{started:?}");
}

#[tokio::test]
async fn a_kind_that_no_worker_knows_stays_available() {
    let app = TestApp::builder().workers(1).config(|config| config.worker.exercise = false).start().await;
    let unknown = put(&app, Exercise { act: Act::Succeed, ..Exercise::default() }, Enqueue::default()).await;
    // The worker is alive: a kind it knows is finished, though its run does not exist.
    let known = jobs::kinds::run_backtest::RunBacktest { backtest_id: Enqueue::new_id() };
    let mut conn = app.pool.acquire().await.expect("a connection");
    let known = enqueue(&mut conn, &known, Enqueue::default()).await.expect("enqueued").job_id;
    reaches(&app, known, "completed").await;
    let unknown = job(&app, unknown).await.expect("nobody discards it");
    assert_eq!((unknown.state.as_str(), unknown.attempt), ("available", 0));
}
