//! Takes back the attempts of workers that vanished.
//!
//! A compare-and-set on the expired lease, in pages. The first loss makes the job available
//! at once; later ones wait, and one that lost its process too often is quarantined.

use sqlx::{Connection, PgPool};
use tracing::warn;

use super::outcome::{EndState, Ending};
use crate::registry::Registry;

const PAGE: i64 = 200;

/// Takes back every attempt whose lease has expired; returns how many.
pub(super) async fn rescue(pool: &PgPool, crash_budget: i32, registry: &Registry) -> sqlx::Result<usize> {
    let mut rescued = 0;
    loop {
        let page = put_back(pool, crash_budget).await?;
        rescued += page;
        if page < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
    }
    while quarantine(pool, crash_budget, registry).await? {
        rescued += 1;
    }
    Ok(rescued)
}

async fn put_back(pool: &PgPool, crash_budget: i32) -> sqlx::Result<usize> {
    let rows = sqlx::query!(
        "with lost as materialized (
             select job_id, attempt
               from queue.jobs
              where state = 'running' and lease_expires_at < clock_timestamp()
                and (crashes + 1 < $1 or cancel_requested_at is not null)
              limit $2
                for no key update skip locked),
         moved as (
             update queue.jobs j
                set crashes = j.crashes + 1,
                    state = case when j.crashes = 0 or j.cancel_requested_at is not null
                                 then 'available' else 'retryable' end::queue.job_state,
                    run_at = case when j.crashes = 0 then j.run_at
                                  else clock_timestamp() + make_interval(secs => 2 ^ least(j.crashes, 8)) end,
                    lease_token = null, lease_expires_at = null
               from lost
              where j.job_id = lost.job_id and j.attempt = lost.attempt and j.state = 'running'
                and j.lease_expires_at < clock_timestamp()
          returning j.job_id, j.attempt, j.worker_id, j.started_at, j.trace_id)
         insert into queue.attempts
                (job_id, attempt, worker_id, started_at, ended_at, outcome, error_class, message,
                 fingerprint, trace_id)
         select job_id, attempt, worker_id, started_at, clock_timestamp(), 'crashed', 'LEASE_EXPIRED',
                'the worker stopped renewing the lease', 'lease_expired', trace_id
           from moved
         returning job_id, attempt, worker_id",
        crash_budget,
        PAGE,
    )
    .fetch_all(pool)
    .await?;
    for row in &rows {
        warn!(job.id = %row.job_id, attempt = row.attempt, worker.id = ?row.worker_id,
              "job {} was taken back from a worker that vanished", row.job_id);
    }
    Ok(rows.len())
}

/// Quarantines one job that lost its process too often, and tells its kind.
async fn quarantine(pool: &PgPool, crash_budget: i32, registry: &Registry) -> sqlx::Result<bool> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let row = sqlx::query!(
        "with lost as materialized (
             select job_id, attempt
               from queue.jobs
              where state = 'running' and lease_expires_at < clock_timestamp()
                and crashes + 1 >= $1 and cancel_requested_at is null and kind = any($2)
              limit 1
                for no key update skip locked),
         moved as (
             update queue.jobs j
                set crashes = j.crashes + 1, state = 'quarantined', lease_token = null,
                    lease_expires_at = null, last_error = 'the process running it vanished too often'
               from lost
              where j.job_id = lost.job_id and j.attempt = lost.attempt and j.state = 'running'
          returning j.job_id, j.attempt, j.worker_id, j.started_at, j.trace_id, j.kind, j.payload, j.crashes),
         kept as (
             insert into queue.attempts
                    (job_id, attempt, worker_id, started_at, ended_at, outcome, error_class, message,
                     fingerprint, trace_id)
             select job_id, attempt, worker_id, started_at, clock_timestamp(), 'crashed',
                    'LEASE_EXPIRED', 'the worker stopped renewing the lease', 'lease_expired', trace_id
               from moved)
         select job_id, kind, payload, crashes from moved",
        crash_budget,
        &registry.kinds(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let ending = Ending {
        state: EndState::Quarantined,
        class: "CRASHED".into(),
        message: format!("the process running it vanished {} times", row.crashes),
    };
    if let Some(entry) = registry.get(&row.kind) {
        (entry.abandon)(row.payload, &mut tx, &ending).await?;
    }
    tx.commit().await?;
    warn!(job.id = %row.job_id, job.kind = %row.kind, "job {} is quarantined: {}", row.job_id, ending.message);
    Ok(true)
}
