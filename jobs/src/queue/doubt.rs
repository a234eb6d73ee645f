//! The ends of doubt: what becomes of an indeterminate job, by an operator's word or a probe's.
//!
//! Both write `where state = 'indeterminate'`, so of two that decide at the same time one wins and
//! the other changes nothing. A probe also names the attempt and the look it answers for.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::outcome::{Ending, Resolved};
use crate::registry::Registry;

/// The fence of a look: a later attempt, or a later look, makes it stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) attempt: i32,
    /// The ordinal of the look, from 1.
    pub(super) probe: i32,
}

/// Completes a job whose effect happened, and tells its kind; `false` when it is not
/// indeterminate any more, or `look` is stale.
pub(super) async fn complete(
    conn: &mut PgConnection,
    registry: &Registry,
    job_id: Uuid,
    look: Option<Look>,
    output: Value,
) -> sqlx::Result<bool> {
    let Some((kind, payload)) = finish(conn, job_id, look, "completed", None, Some(&output)).await? else {
        return Ok(false);
    };
    if let Some(entry) = registry.get(&kind) {
        (entry.resolve)(payload, conn, &Resolved::Completed { output }).await?;
    }
    Ok(true)
}

/// Discards a job whose effect did not happen and must not any more, and tells its kind.
pub(super) async fn discard(
    conn: &mut PgConnection,
    registry: &Registry,
    job_id: Uuid,
    look: Option<Look>,
    ending: &Ending,
) -> sqlx::Result<bool> {
    let error = format!("{}: {}", ending.class, ending.message);
    let state = ending.state.terminal();
    let Some((kind, payload)) = finish(conn, job_id, look, state, Some(&error), None).await? else {
        return Ok(false);
    };
    if let Some(entry) = registry.get(&kind) {
        (entry.abandon)(payload, conn, ending).await?;
    }
    Ok(true)
}

async fn finish(
    conn: &mut PgConnection,
    job_id: Uuid,
    look: Option<Look>,
    state: &str,
    last_error: Option<&str>,
    output: Option<&Value>,
) -> sqlx::Result<Option<(String, Value)>> {
    let row = sqlx::query!(
        "with ended as (
             delete from queue.jobs
              where job_id = $1 and state = 'indeterminate'
                and ($2::int is null or (attempt = $2 and probes = $3))
          returning job_id, queue, kind, payload, priority, attempt, failures, crashes, max_failures,
                    run_at, created_at, started_at, progress, progress_note, unique_key, fifo_key,
                    limit_key, tags, trace_id, last_error)
         insert into queue.finished
                (job_id, queue, kind, payload, state, priority, attempt, failures, crashes, max_failures,
                 run_at, created_at, started_at, finished_at, progress, progress_note, unique_key,
                 fifo_key, limit_key, tags, trace_id, last_error, output)
         select job_id, queue, kind, payload, $4::text::queue.job_state, priority, attempt, failures,
                crashes, max_failures, run_at, created_at, started_at, clock_timestamp(), progress,
                progress_note, unique_key, fifo_key, limit_key, tags, trace_id, $5, $6::jsonb
           from ended
         returning kind, payload",
        job_id,
        look.map(|look| look.attempt),
        look.map(|look| look.probe),
        state,
        last_error,
        output,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.kind, row.payload)))
}

/// Lets a job run again whose effect did not happen, `delay` from now; returns its queue. One
/// whose cancellation was asked for meanwhile goes to the next claim at once, which ends it.
pub(super) async fn run_again(
    conn: &mut PgConnection,
    job_id: Uuid,
    look: Option<Look>,
    delay: Duration,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "update queue.jobs
            set state = case when cancel_requested_at is not null then 'available'
                             when $4::float8 > 0 then 'retryable'
                             when waits or fifo_key is not null or limit_key is not null then 'blocked'
                             else 'available' end::queue.job_state,
                run_at = clock_timestamp() + make_interval(secs => $4::float8), probes = null
          where job_id = $1 and state = 'indeterminate'
            and ($2::int is null or (attempt = $2 and probes = $3))
        returning queue",
        job_id,
        look.map(|look| look.attempt),
        look.map(|look| look.probe),
        delay.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await
}

/// Puts the next look off until `delay` from now.
pub(super) async fn put_off(
    conn: &mut PgConnection,
    job_id: Uuid,
    look: Look,
    delay: Duration,
) -> sqlx::Result<bool> {
    let put_off = sqlx::query!(
        "update queue.jobs
            set run_at = clock_timestamp() + make_interval(secs => $4)
          where job_id = $1 and attempt = $2 and probes = $3 and state = 'indeterminate'",
        job_id,
        look.attempt,
        look.probe,
        delay.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(put_off.rows_affected() == 1)
}
