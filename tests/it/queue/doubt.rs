//! Effects that may have happened, and kinds that can find out.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, inspect},
};
use serde_json::json;
use suites::{TestApp, eventually};
use uuid::Uuid;

use super::{LIMIT, act, attempts, job, put, reaches};

async fn app() -> TestApp {
    TestApp::builder()
        .workers(2)
        .config(|config| config.queue.poll_interval_ms = config.queue.poll_interval_ms.min(200))
        .start()
        .await
}

fn doubt(times: i32, looks: i32, happened: bool) -> Act {
    Act::Doubt { times, looks, happened }
}

/// How long a slow look takes.
const SLOW: u64 = 5_000;

fn slow(times: i32, happened: bool) -> Exercise {
    Exercise { act: doubt(times, 0, happened), deaf_ms: SLOW, ..Exercise::default() }
}

async fn looked_at(app: &TestApp, id: Uuid) {
    eventually(format!("job {id} is looked at"), LIMIT, async || {
        job(app, id).await.is_some_and(|job| job.probes.is_some())
    })
    .await;
}

async fn outcomes(app: &TestApp, id: Uuid) -> Vec<String> {
    attempts(app, id).await.into_iter().map(|attempt| attempt.outcome).collect()
}

#[tokio::test]
async fn a_look_that_finds_the_effect_completes_the_job() {
    let app = app().await;
    let id = act(&app, doubt(1, 0, true)).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!(done.output, Some(json!({ "attempt": 1, "probe": 1 })));
    assert_eq!((done.attempt, outcomes(&app, id).await), (1, vec!["indeterminate".to_owned()]));
}

#[tokio::test]
async fn a_look_that_finds_no_effect_has_the_job_tried_again() {
    let app = app().await;
    let id = act(&app, doubt(2, 0, false)).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!((done.attempt, done.failures), (3, 2));
    assert_eq!(outcomes(&app, id).await, ["indeterminate", "indeterminate", "completed"]);
}

#[tokio::test]
async fn a_job_whose_failures_are_used_up_is_discarded_when_its_effect_did_not_happen() {
    let app = app().await;
    let work = Exercise { act: doubt(99, 0, false), ..Exercise::default() };
    let id = put(&app, work, Enqueue::default().max_failures(2)).await;
    let done = reaches(&app, id, "discarded").await;
    assert_eq!((done.attempt, done.failures), (2, 2));
    assert!(done.last_error.as_deref().is_some_and(|e| e.starts_with("DID_NOT_HAPPEN: ")), "{done:?}");
}

#[tokio::test]
async fn looks_are_repeated_until_one_finds_out_and_the_job_says_so() {
    let app = app().await;
    let id = act(&app, doubt(1, 3, true)).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!(done.output, Some(json!({ "attempt": 1, "probe": 4 })));
    let lines: Vec<String> =
        sqlx::query_scalar("select message from queue.logs where job_id = $1 order by seq")
            .bind(id)
            .fetch_all(&app.pool)
            .await
            .expect("the log");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("look 1: still unknown") && lines[3] == "look 4: it happened", "{lines:?}");
}

#[tokio::test]
async fn the_later_job_of_a_fifo_key_waits_for_the_end_of_the_doubt() {
    let app = app().await;
    let head = Exercise { act: doubt(1, 2, true), ..Exercise::default() };
    let head = put(&app, head, Enqueue::default().fifo("K")).await;
    let next = put(&app, Exercise::default(), Enqueue::default().fifo("K")).await;
    let next = reaches(&app, next, "completed").await;
    let head = reaches(&app, head, "completed").await;
    assert!(head.finished_at <= next.started_at, "{head:?} {next:?}");
}

async fn resolve(app: &TestApp, id: Uuid, outcome: &str) {
    use jobs::queue::operate::{Resolution, resolve};
    let resolution = if outcome == "retry" { Resolution::Retry } else { Resolution::Completed };
    let mut tx = app.pool.begin().await.expect("a transaction");
    resolve(&mut tx, id, resolution, "seen").await.expect("it is in doubt");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn an_operator_who_decides_during_a_look_is_not_overruled() {
    let app = app().await;
    let id = put(&app, slow(99, false), Enqueue::default()).await;
    looked_at(&app, id).await;
    resolve(&app, id, "completed").await;
    // A look that began later, and has ended, ends after the first one.
    let later = put(&app, slow(1, true), Enqueue::default()).await;
    reaches(&app, later, "completed").await;
    let kept = job(&app, id).await.expect("it is there");
    assert_eq!((kept.state.as_str(), kept.output), ("completed", Some(json!({ "resolved": "seen" }))));
    let rows: i64 = sqlx::query_scalar(
        "select (select count(*) from queue.jobs where job_id = $1)
              + (select count(*) from queue.finished where job_id = $1)",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .expect("a count");
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn the_answer_of_a_look_at_an_earlier_attempt_is_dropped() {
    let app = app().await;
    let id = put(&app, slow(99, true), Enqueue::default()).await;
    looked_at(&app, id).await;
    resolve(&app, id, "retry").await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!(
        done.output,
        Some(json!({ "attempt": 2, "probe": 1 })),
        "the second attempt is the one in doubt"
    );
    assert_eq!(outcomes(&app, id).await, ["indeterminate", "indeterminate"]);
}

#[tokio::test]
async fn a_job_in_doubt_is_cancelled_like_any_that_waits() {
    let app = app().await;
    let id = act(&app, Act::Unsure).await;
    looked_at(&app, id).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let why = inspect::why(&mut conn, id).await.expect("read").expect("it is there");
    assert!(why[0].code == "INDETERMINATE" && why[0].until.is_some(), "{why:?}");
    jobs::cancel(&mut conn, id, "enough").await.expect("an answer");
    assert_eq!(job(&app, id).await.expect("it is there").state, "cancelled");
}
