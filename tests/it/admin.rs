//! The admin API: who may use it, what it shows, what it changes, and what it leaves alone.

mod access;
mod bulk;
mod changes;
mod fleet;
mod forks;
mod halted_orders;
mod listing;
mod old_paths;
mod orchestrator;
mod queues;
mod schedules;
mod why;

use std::time::Duration;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, enqueue},
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use suites::{Answer, SignedIn, TestApp};
use uuid::Uuid;
use worker::commands::admin::{AdminArgs, act};

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_mins(1);

/// A time that never comes in a test.
const LATER: Duration = Duration::from_hours(1);

async fn administrator(app: &TestApp) -> SignedIn {
    let user = app.signed_up().await;
    act(&app.pool, AdminArgs::Grant { username: user.username.clone() }).await.expect("the user is there");
    user
}

async fn put(app: &TestApp, job: Exercise, options: Enqueue) -> Uuid {
    let mut conn = app.pool.acquire().await.expect("a connection");
    enqueue(&mut conn, &job, options).await.expect("the job is enqueued").job_id
}

/// Enqueues a job that stays where it is.
async fn waiting(app: &TestApp) -> Uuid {
    put(app, Exercise::default(), Enqueue::default().delay(LATER)).await
}

/// Enqueues a job and puts it into the history as discarded.
async fn discarded(app: &TestApp, error: &str) -> Uuid {
    let id = waiting(app).await;
    finish(app, id, "discarded", Some(error)).await;
    id
}

async fn finish(app: &TestApp, id: Uuid, state: &str, error: Option<&str>) {
    let moved = sqlx::query(
        "with gone as (delete from queue.jobs where job_id = $1 returning *)
         insert into queue.finished (job_id, queue, kind, payload, state, priority, attempt, failures, crashes,
                run_at, created_at, finished_at, unique_key, tags, trace_id, last_error)
         select job_id, queue, kind, payload, $2::queue.job_state, priority, attempt, failures, crashes, run_at,
                created_at, clock_timestamp(), unique_key, tags, trace_id, $3 from gone",
    )
    .bind(id)
    .bind(state)
    .bind(error)
    .execute(&app.pool)
    .await
    .expect("moved");
    assert_eq!(moved.rows_affected(), 1);
}

/// Runs `sql`, a text of the tests themselves, with the job's id as its parameter.
async fn change(app: &TestApp, id: Uuid, sql: &'static str) {
    let done = sqlx::query(AssertSqlSafe(sql)).bind(id).execute(&app.pool).await.expect("changed");
    assert_eq!(done.rows_affected(), 1, "{sql}");
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&app.pool).await.expect("a count")
}

/// Inserts a live worker that knows and serves everything, and does nothing.
async fn idle_worker(app: &TestApp) {
    sqlx::query(
        "insert into queue.workers (worker_id, host, pid, build, queues, kinds)
         values (gen_random_uuid(), 'there', 1, 'test', '{\"default\": 3}', '{exercise,run_backtest}')",
    )
    .execute(&app.pool)
    .await
    .expect("inserted");
}

fn outcome((status, body, _): Answer) -> (u16, String) {
    (status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn because(reason: &str) -> Value {
    json!({ "reason": reason })
}

fn failing() -> Exercise {
    Exercise { act: Act::Refuse, ..Exercise::default() }
}
