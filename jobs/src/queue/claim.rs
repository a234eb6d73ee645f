//! Claiming: taking waiting jobs under a lease.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::{lease::Fence, low_mark::Key};

/// A job that this process has taken, and the attempt it was taken as.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub(super) fence: Fence,
    pub(super) queue: String,
    pub(super) kind: String,
    /// Seconds from when it was due to its claim, by the database's clock.
    pub(super) waited_s: f64,
    pub(super) payload: Value,
    pub(super) failures: i32,
    pub(super) max_failures: Option<i32>,
    pub(super) trace_id: Option<String>,
    /// The reason, when somebody asked for the job's end while it waited.
    pub(super) cancelled: Option<String>,
    /// It came too late: it must not run any more.
    pub(super) expired: bool,
    /// Its end may let others run.
    pub(super) gates: bool,
}

/// What one claim asks for.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) queue: &'a str,
    /// Others' kinds stay available to them.
    pub(super) kinds: &'a [String],
    pub(super) worker_id: Uuid,
    pub(super) lease: Duration,
    pub(super) limit: usize,
    /// Jobs before this place are not looked at.
    pub(super) from: Key,
}

/// Takes up to `limit` jobs, best first: priority, then run_at, then id.
///
/// The rows are chosen and locked first, once, so that no plan can update more than `limit`; the
/// update finds them by their place in the table, which a locked row keeps, whatever the statistics
/// say. A row that moved between the look and its lock is left to the next claim. The inner limit,
/// the largest `queue.claim_batch` there may be, is for the planner: by `$3` alone it takes a tenth of
/// the backlog to be wanted, rejects the plan that fits all claims and plans each one anew (0.4 ms).
/// Returns the first one's place beside them.
pub(super) async fn claim(pool: &PgPool, claim: &Claim<'_>) -> sqlx::Result<(Vec<Claimed>, Option<Key>)> {
    // One token a claim is as unique as one a row: the fence holds job and attempt too.
    let lease_token = Uuid::new_v4();
    let mut rows = sqlx::query!(
        r#"update queue.jobs j
              set state = 'running', attempt = j.attempt + 1, worker_id = $4, lease_token = $5,
                  lease_expires_at = clock_timestamp() + make_interval(secs => $6),
                  started_at = clock_timestamp(), progress = null, progress_note = null,
                  unique_key = case when j.unique_while_waiting then null else j.unique_key end
            where j.ctid = any(array(
                      select ctid
                        from (select ctid
                                from queue.jobs
                               where queue = $1 and state = 'available' and kind = any($2)
                                 and (priority, run_at, job_id) >= ($7, $8, $9)
                               order by priority, run_at, job_id
                               limit 1000
                                 for no key update skip locked) as first
                       limit $3))
        returning j.job_id, j.attempt, j.kind, j.payload, j.priority, j.run_at, j.started_at as "started_at!",
                  j.failures, j.max_failures, j.trace_id, j.cancel_requested_at is not null as "cancelled!",
                  j.cancel_reason, coalesce(j.not_after < clock_timestamp(), false) as "expired!",
                  (j.has_dependents or j.fifo_key is not null or j.limit_key is not null) as "gates!""#,
        claim.queue,
        claim.kinds,
        i64::try_from(claim.limit).unwrap_or(i64::MAX),
        claim.worker_id,
        lease_token,
        claim.lease.as_secs_f64(),
        claim.from.priority,
        claim.from.run_at,
        claim.from.job_id,
    )
    .fetch_all(pool)
    .await?;
    rows.sort_unstable_by_key(|row| (row.priority, row.run_at, row.job_id));
    let first =
        rows.first().map(|row| Key { priority: row.priority, run_at: row.run_at, job_id: row.job_id });
    let claimed = rows.into_iter().map(|row| Claimed {
        fence: Fence { job_id: row.job_id, attempt: row.attempt, lease_token },
        queue: claim.queue.to_owned(),
        kind: row.kind,
        waited_s: (row.started_at - row.run_at).as_seconds_f64(),
        payload: row.payload,
        failures: row.failures,
        max_failures: row.max_failures,
        trace_id: row.trace_id,
        cancelled: row.cancelled.then(|| row.cancel_reason.unwrap_or_default()),
        expired: row.expired,
        gates: row.gates,
    });
    Ok((claimed.collect(), first))
}
