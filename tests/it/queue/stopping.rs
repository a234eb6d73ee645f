//! Stopping a worker: softly, then hard.

use jobs::kinds::exercise::Act;
use suites::{TestApp, eventually};

use super::{LIMIT, act, attempts, begun, job, reaches};

#[tokio::test]
async fn a_soft_stop_lets_running_jobs_finish() {
    let mut app = TestApp::builder().workers(1).start().await;
    let id = act(&app, Act::Work { ms: 5_000 }).await;
    // Claimed is not started: what no handler has begun is given back to others.
    begun(&app, id).await;
    app.stop().await;
    let state: String = sqlx::query_scalar("select state::text from queue.finished where job_id = $1")
        .bind(id)
        .fetch_one(&app.pool)
        .await
        .expect("it finished before the worker ended");
    assert_eq!(state, "completed");
    eventually("the worker has signed off", LIMIT, async || {
        sqlx::query_scalar::<_, i64>("select count(*) from queue.workers")
            .fetch_one(&app.pool)
            .await
            .expect("counted")
            == 0
    })
    .await;
}

#[tokio::test]
async fn a_hard_stop_gives_the_attempt_back_without_a_failure() {
    let mut stopping =
        TestApp::builder().workers(1).config(|config| config.worker.grace_ms = 100).start().await;
    let id = act(&stopping, Act::Work { ms: 60_000 }).await;
    begun(&stopping, id).await;
    stopping.stop().await;
    let (state, failures, crashes): (String, i32, i32) =
        sqlx::query_as("select state::text, failures, crashes from queue.jobs where job_id = $1")
            .bind(id)
            .fetch_one(&stopping.pool)
            .await
            .expect("it waits for another worker");
    assert_eq!((state.as_str(), failures, crashes), ("available", 0, 0));
    let outcomes: Vec<String> = sqlx::query_scalar("select outcome from queue.attempts where job_id = $1")
        .bind(id)
        .fetch_all(&stopping.pool)
        .await
        .expect("read");
    assert_eq!(outcomes, ["given_back"]);
}

#[tokio::test]
async fn a_worker_is_listed_while_it_runs() {
    let app = TestApp::builder().workers(2).start().await;
    let id = act(&app, Act::Succeed).await;
    reaches(&app, id, "completed").await;
    suites::eventually("both workers are listed", super::LIMIT, async || {
        sqlx::query_scalar::<_, i64>("select count(*) from queue.workers")
            .fetch_one(&app.pool)
            .await
            .expect("counted")
            == 2
    })
    .await;
    assert_eq!(attempts(&app, id).await.len(), 1);
    assert!(job(&app, id).await.is_some());
}
