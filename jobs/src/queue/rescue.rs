//! Takes back the attempts of workers that vanished.
//!
//! A compare-and-set on the expired lease, in pages. Each job then waits for a random time, up
//! to 2 s after the first loss and twice as long after each further one: whatever killed the
//! process must not find the same neighbours again. One that lost its process too often is
//! quarantined. Nobody
//! rescues until it has reached the database for a whole lease: after an outage every lease
//! has expired, and the living need a moment to renew theirs.

use sqlx::{Connection, PgPool};
use tracing::{error, warn};
use uuid::Uuid;

use super::{
    outcome::{EndState, Ending},
    transient::passes,
};
use crate::registry::Registry;

const PAGE: i64 = 200;

/// What a rescuer needs to know.
pub(super) struct Rescuer<'a> {
    pub(super) pool: &'a PgPool,
    pub(super) crash_budget: i32,
    pub(super) registry: &'a Registry,
    /// This process and the jobs it holds itself: those it renews, however late.
    pub(super) holdings: (Uuid, Vec<Uuid>),
}

/// Takes back every attempt whose lease has expired; returns how many.
pub(super) async fn rescue(rescuer: &Rescuer<'_>) -> sqlx::Result<usize> {
    let mut taken = 0;
    loop {
        let page = put_back(rescuer).await?;
        taken += page;
        if page < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
    }
    loop {
        // A kind that can't be told must not keep its job, and all later ones, in limbo.
        let done = match quarantine(rescuer, true).await {
            Err(error) if !passes(&error) => {
                error!(%error, "a kind could not be told of its job's end; quarantined all the same");
                quarantine(rescuer, false).await?
            }
            other => other?,
        };
        if !done {
            return Ok(taken);
        }
        taken += 1;
    }
}

async fn put_back(rescuer: &Rescuer<'_>) -> sqlx::Result<usize> {
    let (me, mine) = &rescuer.holdings;
    let rows = sqlx::query!(
        "with lost as materialized (
             select job_id, attempt
               from queue.jobs
              where state = 'running' and lease_expires_at < clock_timestamp()
                and (crashes + 1 < $1 or cancel_requested_at is not null)
                and not (worker_id = $3 and job_id = any($4))
              limit $2
                for no key update skip locked),
         moved as (
             update queue.jobs j
                set crashes = j.crashes + 1,
                    state = case when j.cancel_requested_at is not null
                                 then 'available' else 'retryable' end::queue.job_state,
                    run_at = clock_timestamp()
                             + make_interval(secs => random() * 2 ^ (1 + least(j.crashes, 8))),
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
        rescuer.crash_budget,
        PAGE,
        me,
        mine,
    )
    .fetch_all(rescuer.pool)
    .await?;
    for row in &rows {
        warn!(job.id = %row.job_id, attempt = row.attempt, worker.id = ?row.worker_id,
              "job {} was taken back from a worker that vanished", row.job_id);
    }
    Ok(rows.len())
}

/// Quarantines one job that lost its process too often, and tells its kind.
async fn quarantine(rescuer: &Rescuer<'_>, tell: bool) -> sqlx::Result<bool> {
    let (me, mine) = &rescuer.holdings;
    let mut conn = rescuer.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let row = sqlx::query!(
        "with lost as materialized (
             select job_id, attempt
               from queue.jobs
              where state = 'running' and lease_expires_at < clock_timestamp()
                and crashes + 1 >= $1 and cancel_requested_at is null and kind = any($2)
                and not (worker_id = $3 and job_id = any($4))
              order by job_id
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
        rescuer.crash_budget,
        &rescuer.registry.kinds(),
        me,
        mine,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let ending = Ending {
        state: EndState::Quarantined,
        class: "CRASHED".into(),
        message: format!("the process running it vanished {} times", row.crashes),
    };
    if tell && let Some(entry) = rescuer.registry.get(&row.kind) {
        (entry.abandon)(row.payload, &mut tx, &ending).await?;
    }
    tx.commit().await?;
    warn!(job.id = %row.job_id, job.kind = %row.kind, "job {} is quarantined: {}", row.job_id, ending.message);
    Ok(true)
}
