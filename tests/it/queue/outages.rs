//! A database that drops every connection: workers wait it out and go on.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, enqueue_many},
};
use suites::{TestApp, eventually};

use super::{LIMIT, act, attempts, reaches};

async fn in_state(app: &TestApp, state: &str) -> i64 {
    sqlx::query_scalar("select count(*) from queue.jobs where state::text = $1")
        .bind(state)
        .fetch_one(&app.pool)
        .await
        .expect("counted")
}

async fn drop_connections(app: &TestApp) {
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()",
    )
    .execute(&app.pool)
    .await
    .expect("terminated");
}

#[tokio::test]
async fn workers_survive_the_loss_of_every_connection() {
    let app = TestApp::builder().workers(2).start().await;
    let running = act(&app, Act::Work { ms: 2500 }).await;
    reaches(&app, running, "running").await;
    for _ in 0..3 {
        drop_connections(&app).await;
        let id = act(&app, Act::Succeed).await;
        reaches(&app, id, "completed").await;
    }
    let done = reaches(&app, running, "completed").await;
    // An attempt that lost its connection may have failed, been taken for lost, or come too late to begin.
    let ended = attempts(&app, running).await;
    let outcomes: Vec<_> = ended.iter().map(|attempt| attempt.outcome.as_str()).collect();
    let (end, lost) = outcomes.split_last().expect("it ran");
    assert_eq!((*end, i32::try_from(outcomes.len())), ("completed", Ok(done.attempt)), "{outcomes:?}");
    assert!(lost.iter().all(|one| ["retryable", "crashed", "given_back"].contains(one)), "{outcomes:?}");
    let failed = lost.iter().filter(|one| **one == "retryable").count();
    assert_eq!(i32::try_from(failed), Ok(done.failures), "{outcomes:?}");
}

#[tokio::test]
async fn polling_suffices_when_no_hint_arrives() {
    // No hint is ever sent by these tests' enqueues; a long poll would starve them.
    let app =
        TestApp::builder().workers(1).config(|config| config.queue.poll_interval_ms = 300).start().await;
    for _ in 0..3 {
        let id = act(&app, Act::Succeed).await;
        reaches(&app, id, "completed").await;
    }
}

#[tokio::test]
async fn a_hint_wakes_a_worker_long_before_its_poll() {
    let app = TestApp::builder()
        .workers(1)
        .config(|config| config.queue.poll_interval_ms = 3_600_000)
        .start()
        .await;
    let hints = jobs::queue::Hints::new(app.pool.clone());
    // The first claim may still be under way; after it only a hint wakes the worker.
    let first = act(&app, Act::Succeed).await;
    hints.jobs("default");
    reaches(&app, first, "completed").await;
    for _ in 0..3 {
        let id = act(&app, Act::Succeed).await;
        hints.jobs("default");
        reaches(&app, id, "completed").await;
    }
}

#[tokio::test]
async fn nothing_more_is_claimed_while_outcomes_cannot_be_written() {
    const JOBS: usize = 6_000;
    // An outcome that waits, a batch of them, and what a process has in hand, twice over.
    const MOST: i64 = 4_000;
    let mut app = TestApp::builder().config(|config| config.queue.lease_ms = 60_000).start().await;
    let mut conn = app.pool.acquire().await.expect("connected");
    let jobs = vec![Exercise::default(); JOBS];
    enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    let mut lock = app.pool.begin().await.expect("begun");
    sqlx::query("lock table queue.finished in share mode").execute(&mut *lock).await.expect("locked");
    app.start_worker();
    let mut last = (0, 0);
    let running = eventually("as many running jobs, again and again", LIMIT, async || {
        let running = in_state(&app, "running").await;
        last = if running == last.0 { (running, last.1 + 1) } else { (running, 0) };
        if running > 0 && last.1 >= 25 { Ok(running) } else { Err(last) }
    })
    .await;
    lock.rollback().await.expect("unlocked");
    assert!(running < MOST, "{running} of {JOBS} jobs were claimed though no outcome could be written");
    eventually("all to end", LIMIT, async || {
        in_state(&app, "running").await == 0 && in_state(&app, "available").await == 0
    })
    .await;
}
