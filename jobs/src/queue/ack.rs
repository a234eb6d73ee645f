//! Recording how attempts ended: one fenced statement for many.
//!
//! Each function returns the jobs whose row matched its fence; the others are stale and
//! nothing was written for them. No statement here names `state = 'running'`: a lease token is
//! there exactly while a job runs (a CHECK says so), and the planner would see in the state an
//! invitation to walk the index of all running jobs for each of the fences, which it takes to
//! be empty when the statistics date from a quiet minute.

use std::time::Duration;

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{
    lease::Fence,
    outcome::{Ending, Failure},
};

/// The columns of fences, as Postgres arrays.
struct Fences {
    ids: Vec<Uuid>,
    attempts: Vec<i32>,
    tokens: Vec<Uuid>,
}

impl Fences {
    fn of<'a>(fences: impl Iterator<Item = &'a Fence>) -> Self {
        let mut columns = Self { ids: Vec::new(), attempts: Vec::new(), tokens: Vec::new() };
        for fence in fences {
            columns.ids.push(fence.job_id);
            columns.attempts.push(fence.attempt);
            columns.tokens.push(fence.lease_token);
        }
        columns
    }
}

/// Moves completed jobs, with their outputs, to `queue.finished`.
pub(super) async fn complete(db: impl PgExecutor<'_>, done: &[(Fence, Value)]) -> sqlx::Result<Vec<Uuid>> {
    let fences = Fences::of(done.iter().map(|(fence, _)| fence));
    let outputs: Vec<Value> = done.iter().map(|(_, output)| output.clone()).collect();
    sqlx::query_scalar!(
        "with ended as (
             delete from queue.jobs j
              using unnest($1::uuid[], $2::int[], $3::uuid[], $4::jsonb[])
                      as a(job_id, attempt, lease_token, output)
              where j.job_id = a.job_id and j.attempt = a.attempt
                and j.lease_token = a.lease_token
          returning j.job_id, j.queue, j.kind, j.payload, j.priority, j.attempt, j.failures,
                    j.crashes, j.run_at, j.created_at, j.started_at, j.worker_id,
                    j.progress_note, j.unique_key, j.tags, j.trace_id, j.max_failures, a.output)
         insert into queue.finished
                (job_id, queue, kind, payload, state, priority, attempt, failures, crashes,
                 run_at, created_at, started_at, finished_at, worker_id, progress,
                 progress_note, unique_key, tags, trace_id, max_failures, output)
         select job_id, queue, kind, payload, 'completed', priority, attempt, failures, crashes,
                run_at, created_at, started_at, clock_timestamp(), worker_id, 100,
                progress_note, unique_key, tags, trace_id, max_failures,
                nullif(output, 'null'::jsonb)
           from ended
         returning job_id",
        &fences.ids,
        &fences.attempts,
        &fences.tokens,
        &outputs,
    )
    .fetch_all(db)
    .await
}

/// Where an attempt's job waits after it.
#[derive(Debug, Clone)]
pub(super) enum Waiting {
    /// A failure: wait out the backoff.
    Retry(Failure, Duration),
    /// Not now: come back later, no attempt spent.
    Snooze(Duration),
    /// The process is stopping: to the front again, no attempt spent.
    GiveBack,
    /// Nobody knows whether the effect happened: wait for somebody to decide.
    Indeterminate(Failure),
}

/// Puts attempts' jobs back to wait, and keeps the attempts' history.
///
/// A job whose cancellation was asked for meanwhile becomes available at once, so that the
/// next claim ends it.
pub(super) async fn put_back(
    db: impl PgExecutor<'_>,
    waiting: &[(Fence, Waiting)],
) -> sqlx::Result<Vec<Uuid>> {
    let fences = Fences::of(waiting.iter().map(|(fence, _)| fence));
    let mut outcomes = Vec::with_capacity(waiting.len());
    let mut delays = Vec::with_capacity(waiting.len());
    let mut failures: Vec<Option<&Failure>> = Vec::with_capacity(waiting.len());
    for (_, waiting) in waiting {
        let (outcome, delay, failure) = match waiting {
            Waiting::Retry(failure, delay) => ("retryable", *delay, Some(failure)),
            Waiting::Snooze(delay) => ("snoozed", *delay, None),
            Waiting::GiveBack => ("given_back", Duration::ZERO, None),
            Waiting::Indeterminate(failure) => ("indeterminate", Duration::ZERO, Some(failure)),
        };
        outcomes.push(outcome.to_owned());
        delays.push(delay.as_secs_f64());
        failures.push(failure);
    }
    let column = |of: fn(&Failure) -> String| -> Vec<Option<String>> {
        failures.iter().map(|failure| failure.map(of)).collect()
    };
    sqlx::query_scalar!(
        r#"with a as materialized (
             select job_id, attempt, lease_token, outcome, delay, class, message, fingerprint
               from unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::float8[],
                           $6::text[], $7::text[], $8::text[])
                      as u(job_id, attempt, lease_token, outcome, delay, class, message, fingerprint)),
         moved as (
             update queue.jobs j
                set state = case when a.outcome = 'indeterminate' then 'indeterminate'
                                 when j.cancel_requested_at is not null then 'available'
                                 when a.outcome = 'retryable' then 'retryable'
                                 when a.outcome = 'snoozed' then 'scheduled'
                                 else 'available' end::queue.job_state,
                    run_at = case when a.outcome = 'given_back' then j.run_at
                                  else clock_timestamp() + make_interval(secs => a.delay) end,
                    failures = j.failures + (a.outcome in ('retryable', 'indeterminate'))::int,
                    last_error = coalesce(a.message, j.last_error),
                    lease_token = null, lease_expires_at = null
               from a
              where j.job_id = a.job_id and j.attempt = a.attempt
                and j.lease_token = a.lease_token
          returning j.job_id, j.attempt, j.worker_id, j.started_at, j.trace_id,
                    a.outcome, a.class, a.message, a.fingerprint)
         insert into queue.attempts
                (job_id, attempt, worker_id, started_at, ended_at, outcome, error_class, message,
                 fingerprint, trace_id)
         select job_id, attempt, worker_id, started_at, clock_timestamp(), outcome, class, message,
                fingerprint, trace_id
           from moved
         returning job_id"#,
        &fences.ids,
        &fences.attempts,
        &fences.tokens,
        &outcomes,
        &delays,
        &column(|f| f.class.clone()) as &[Option<String>],
        &column(|f| f.message.clone()) as &[Option<String>],
        &column(Failure::fingerprint) as &[Option<String>],
    )
    .fetch_all(db)
    .await
}

/// Ends one attempt's job as discarded or cancelled; `false` when the attempt is stale.
pub(super) async fn end(
    conn: &mut PgConnection,
    fence: &Fence,
    ending: &Ending,
    spent: bool,
) -> sqlx::Result<bool> {
    let state = ending.state.terminal();
    let ended = sqlx::query!(
        "with ended as (
             delete from queue.jobs
              where job_id = $1 and attempt = $2 and lease_token = $3
          returning job_id, queue, kind, payload, priority, attempt, failures, crashes, run_at,
                    created_at, started_at, worker_id, progress, progress_note, unique_key, fifo_key,
                    limit_key, tags, trace_id, max_failures)
         insert into queue.finished
                (job_id, queue, kind, payload, state, priority, attempt, failures, crashes,
                 run_at, created_at, started_at, finished_at, worker_id, progress,
                 progress_note, unique_key, fifo_key, limit_key, tags, trace_id,
                 max_failures, last_error)
         select job_id, queue, kind, payload, $4::text::queue.job_state, priority, attempt,
                failures + $6::bool::int, crashes, run_at, created_at, started_at,
                clock_timestamp(), worker_id, progress, progress_note, unique_key, fifo_key, limit_key,
                tags, trace_id, max_failures, $5
           from ended",
        fence.job_id,
        fence.attempt,
        fence.lease_token,
        state,
        format!("{}: {}", ending.class, ending.message),
        spent,
    )
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() == 1)
}
