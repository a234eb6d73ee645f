//! Durable steps, logs, and effects that nobody is sure of.

use jobs::{kinds::exercise::Act, queue::LOG_LINES};
use serde_json::json;
use suites::TestApp;

use super::{act, attempts, reaches};

#[tokio::test]
async fn a_retried_job_resumes_after_its_last_step() {
    let app = TestApp::builder().workers(1).start().await;
    let id = act(&app, Act::Steps { of: 4, then_fail: 2 }).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!(done.output, Some(json!({ "done_in": [1, 1, 2, 2] })));
}

#[tokio::test]
async fn an_unsure_effect_waits_for_a_decision_and_is_not_retried() {
    let app = TestApp::builder().workers(1).start().await;
    let id = act(&app, Act::Unsure).await;
    let job = reaches(&app, id, "indeterminate").await;
    assert_eq!((job.attempt, job.failures), (1, 1));
    let other = act(&app, Act::Succeed).await;
    reaches(&app, other, "completed").await;
    let job = reaches(&app, id, "indeterminate").await;
    assert_eq!(job.attempt, 1, "no worker took it again");
    let outcomes: Vec<_> = attempts(&app, id).await.into_iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, ["indeterminate"]);
}

#[tokio::test]
async fn a_jobs_log_is_kept_and_capped() {
    let app = TestApp::builder().workers(1).start().await;
    let id = act(&app, Act::Log { lines: LOG_LINES.unsigned_abs() + 20 }).await;
    reaches(&app, id, "completed").await;
    let (lines, last): (i64, String) = sqlx::query_as(
        "select count(*), (array_agg(message order by seq desc))[1] from queue.logs where job_id = $1",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .expect("read");
    assert_eq!(lines, i64::from(LOG_LINES));
    assert_eq!(last, format!("line {}", LOG_LINES - 1));
}
