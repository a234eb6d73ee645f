//! Cancelling: while waiting, while running, and when the worker is gone.

use std::time::Duration;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{CancelOutcome, Enqueue},
};
use suites::TestApp;
use uuid::Uuid;

use super::{act, attempts, put, reaches};

async fn cancel(app: &TestApp, id: Uuid) -> CancelOutcome {
    let mut conn = app.pool.acquire().await.expect("a connection");
    jobs::cancel(&mut conn, id, "enough").await.expect("the database answers")
}

#[tokio::test]
async fn a_waiting_job_ends_at_once() {
    let app = TestApp::start().await;
    for delay in [Duration::ZERO, Duration::from_hours(1)] {
        let id = put(&app, Exercise::default(), Enqueue::default().delay(delay)).await;
        assert_eq!(cancel(&app, id).await, CancelOutcome::Cancelled);
        let done = reaches(&app, id, "cancelled").await;
        assert_eq!(done.last_error.as_deref(), Some("CANCELLED: enough"));
        assert!(attempts(&app, id).await.is_empty(), "it never ran");
        assert_eq!(cancel(&app, id).await, CancelOutcome::AlreadyFinished);
    }
    assert_eq!(cancel(&app, Enqueue::new_id()).await, CancelOutcome::Unknown);
}

#[tokio::test]
async fn a_running_job_is_asked_to_stop_and_does() {
    let app = TestApp::builder().workers(1).start().await;
    // Work that is not interrupted ends as completed, long before the limit of the wait.
    let id = act(&app, Act::Work { ms: 25_000 }).await;
    reaches(&app, id, "running").await;
    assert_eq!(cancel(&app, id).await, CancelOutcome::Requested);
    reaches(&app, id, "cancelled").await;
    let outcomes: Vec<_> = attempts(&app, id).await.into_iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, ["cancelled"]);
}

#[tokio::test]
async fn a_handler_that_does_not_listen_is_dropped_after_the_grace() {
    let app = TestApp::builder().workers(1).config(|config| config.queue.cancel_grace_ms = 300).start().await;
    let id = put(&app, Exercise { deaf_ms: 25_000, ..Exercise::default() }, Enqueue::default()).await;
    reaches(&app, id, "running").await;
    assert_eq!(cancel(&app, id).await, CancelOutcome::Requested);
    reaches(&app, id, "cancelled").await;
}

#[tokio::test]
async fn a_cancelled_job_whose_worker_vanished_never_runs_again() {
    let mut app = TestApp::start().await;
    let id = act(&app, Act::Succeed).await;
    sqlx::query(
        "update queue.jobs
            set state = 'running', attempt = 1, lease_token = gen_random_uuid(),
                lease_expires_at = clock_timestamp() - interval '1 s'",
    )
    .execute(&app.pool)
    .await
    .expect("updated");
    assert_eq!(cancel(&app, id).await, CancelOutcome::Requested);
    app.start_worker();
    let done = reaches(&app, id, "cancelled").await;
    assert_eq!(done.output, None, "its handler did not run");
}

#[tokio::test]
async fn a_job_that_fails_while_its_cancellation_is_under_way_is_not_retried() {
    let app =
        TestApp::builder().workers(1).config(|config| config.queue.cancel_poll_ms = 60_000).start().await;
    let job = Exercise { act: Act::Fail { times: 99 }, deaf_ms: 5_000, ..Exercise::default() };
    let id = put(&app, job, Enqueue::default()).await;
    reaches(&app, id, "running").await;
    assert_eq!(cancel(&app, id).await, CancelOutcome::Requested);
    let done = reaches(&app, id, "cancelled").await;
    assert_eq!(done.failures, 1, "it failed once, and was ended by the next claim");
}
