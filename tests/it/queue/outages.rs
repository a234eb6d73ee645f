//! A database that drops every connection: workers wait it out and go on.

use jobs::kinds::exercise::Act;
use suites::TestApp;

use super::{act, reaches};

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
    assert_eq!(done.failures, done.attempt - 1, "an attempt that lost its connection may have failed");
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
