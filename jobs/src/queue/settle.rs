//! Cancelling a job from outside: by a user, an operator, or another kind.

use std::sync::LazyLock;

use sqlx::PgConnection;
use uuid::Uuid;

use super::outcome::{EndState, Ending};
use crate::registry::Registry;

/// What a cancellation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The job was waiting; it is finished as cancelled, and its kind's row says so too.
    Cancelled,
    /// The job is running; its handler is asked to stop. Send a [`super::Hints::cancels`] hint
    /// after the commit.
    Requested,
    /// The job had finished already.
    AlreadyFinished,
    /// There is no such job.
    Unknown,
}

/// Whoever cancels knows every kind, whatever its own process runs.
static KINDS: LazyLock<Registry> = LazyLock::new(|| Registry::new(true));

/// Cancels a job in the caller's transaction.
///
/// A waiting job ends here; a running one is asked to stop, and whatever becomes of its
/// worker, it never runs again.
pub async fn cancel(conn: &mut PgConnection, job_id: Uuid, reason: &str) -> sqlx::Result<CancelOutcome> {
    loop {
        if end_waiting(conn, job_id, reason).await? {
            return Ok(CancelOutcome::Cancelled);
        }
        if ask_running(conn, job_id, reason).await? {
            return Ok(CancelOutcome::Requested);
        }
        let known = sqlx::query!(
            r#"select exists (select 1 from queue.finished where job_id = $1) as "finished!",
                      exists (select 1 from queue.jobs where job_id = $1) as "unfinished!""#,
            job_id
        )
        .fetch_one(&mut *conn)
        .await?;
        match (known.finished, known.unfinished) {
            (true, _) => return Ok(CancelOutcome::AlreadyFinished),
            (false, false) => return Ok(CancelOutcome::Unknown),
            // It changed state between the two attempts on it.
            (false, true) => {}
        }
    }
}

async fn end_waiting(conn: &mut PgConnection, job_id: Uuid, reason: &str) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "with ended as (
             delete from queue.jobs
              where job_id = $1
                and state in ('scheduled', 'blocked', 'available', 'retryable', 'indeterminate',
                              'quarantined')
          returning job_id, queue, kind, payload, priority, attempt, failures, crashes, max_failures,
                    run_at, created_at, started_at, progress, progress_note, unique_key, fifo_key,
                    limit_key, tags, trace_id)
         insert into queue.finished
                (job_id, queue, kind, payload, state, priority, attempt, failures, crashes, max_failures,
                 run_at, created_at, started_at, finished_at, progress, progress_note, unique_key,
                 fifo_key, limit_key, tags, trace_id, last_error)
         select job_id, queue, kind, payload, 'cancelled', priority, attempt, failures, crashes,
                max_failures, run_at, created_at, started_at, clock_timestamp(), progress, progress_note,
                unique_key, fifo_key, limit_key, tags, trace_id, 'CANCELLED: ' || $2::text
           from ended
         returning kind, payload",
        job_id,
        reason,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(job) = ended else { return Ok(false) };
    let ending = Ending { state: EndState::Cancelled, class: "CANCELLED".into(), message: reason.to_owned() };
    if let Some(entry) = KINDS.get(&job.kind) {
        (entry.abandon)(job.payload, conn, &ending).await?;
    }
    Ok(true)
}

async fn ask_running(conn: &mut PgConnection, job_id: Uuid, reason: &str) -> sqlx::Result<bool> {
    let asked = sqlx::query!(
        "update queue.jobs
            set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
                cancel_reason = coalesce(cancel_reason, $2)
          where job_id = $1 and state = 'running'",
        job_id,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(asked.rows_affected() == 1)
}
