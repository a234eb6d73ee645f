//! Decisions on one job.
//!
//! A job that has finished never runs again: its id is the idempotency key of effects outside
//! Postgres, and reusing it would make a second try look like a repetition of the first.
//! Retrying it enqueues a new job of the same payload, keys, tags and trace, at most one for
//! each finished job; `queue.retries` links the two. A job that is unfinished keeps its id.

use std::{sync::LazyLock, time::Duration};

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    queue::{
        CancelOutcome, Enqueue, EnqueueError, OnConflict, doubt,
        enqueue::{self, RawJob},
        outcome::{EndState, Ending, Resolved},
        settle,
    },
    registry::Registry,
};

/// An operator's process runs no kind, but must tell each of them.
static KINDS: LazyLock<Registry> = LazyLock::new(|| Registry::new(true));

/// Why an operator's wish is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such job.
    #[error("there is no such job")]
    Unknown,
    /// The job's state does not allow it.
    #[error("the job is {0}")]
    State(String),
    /// It has been retried before, as the job named.
    #[error("the job has been retried already, as job {0}")]
    AlreadyRetried(Uuid),
    /// An unfinished job has its unique key.
    #[error("job {0} has its unique key")]
    UniqueBlocked(Uuid),
    /// The job has no such step; the ones it has, in order.
    #[error("the job has no step {step:?}")]
    UnknownStep {
        /// The name asked for.
        step: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<EnqueueError> for Refusal {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Duplicate { holder, .. } => Self::UniqueBlocked(holder),
            EnqueueError::Database(error) => Self::Database(error),
            other => Self::Database(sqlx::Error::Protocol(other.to_string())),
        }
    }
}

/// What a retry did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// The job that will run: the same, or a new one in place of a finished one.
    pub job_id: Uuid,
    /// Where it waits; send a hint after the commit.
    pub queue: String,
    /// Whether it is a new job.
    pub repeated: bool,
}

/// What an operator found out about an indeterminate job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The effect happened: the job is completed.
    Completed,
    /// It did not happen: the same job runs again, under the same idempotency key.
    Retry,
    /// It did not happen, and must not any more.
    Discarded,
}

/// Lets a job run now that waits for its time, its backoff or an operator, or repeats one
/// that was discarded or cancelled.
pub async fn retry(conn: &mut PgConnection, job_id: Uuid) -> Result<Retried, Refusal> {
    let woken = sqlx::query!(
        r#"with waiting as materialized (
               select job_id, state
                 from queue.jobs
                where job_id = $1 and state in ('scheduled', 'retryable', 'quarantined')
                  for no key update)
           update queue.jobs j
              set state = case when j.waits or j.fifo_key is not null or j.limit_key is not null
                               then 'blocked' else 'available' end::queue.job_state,
                  crashes = case when j.state = 'quarantined' then 0 else j.crashes end,
                  run_at = clock_timestamp()
             from waiting
            where j.job_id = waiting.job_id and j.state = waiting.state
        returning j.queue, j.kind, j.payload, waiting.state = 'quarantined' as "ended!""#,
        job_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(job) = woken {
        if job.ended {
            tell_restart(conn, &job.kind, job.payload, job_id).await?;
        }
        return Ok(Retried { job_id, queue: job.queue, repeated: false });
    }
    if let Some(state) = unfinished_state(conn, job_id).await? {
        return Err(Refusal::State(state));
    }
    repeat(conn, job_id).await
}

/// Tells the kind of a job, which had been told of its end, that it runs again as `job_id`.
pub(super) async fn tell_restart(
    conn: &mut PgConnection,
    kind: &str,
    payload: Value,
    job_id: Uuid,
) -> sqlx::Result<()> {
    match KINDS.get(kind) {
        Some(entry) => (entry.resolve)(payload, conn, &Resolved::Restarted { job_id }).await,
        None => Ok(()),
    }
}

async fn unfinished_state(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(r#"select state::text as "state!" from queue.jobs where job_id = $1"#, job_id)
        .fetch_optional(conn)
        .await
}

async fn repeat(conn: &mut PgConnection, job_id: Uuid) -> Result<Retried, Refusal> {
    let job = sqlx::query!(
        r#"select queue, kind, payload, state::text as "state!", priority, max_failures, unique_key,
                  fifo_key, limit_key, tags, trace_id
             from queue.finished
            where job_id = $1
            limit 1"#,
        job_id
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Refusal::Unknown)?;
    if job.state == "completed" {
        return Err(Refusal::State(job.state));
    }
    let retry_id = Enqueue::new_id();
    // Waits for a retry under way, so that of two only one succeeds.
    let linked = sqlx::query!(
        "insert into queue.retries (job_id, retry_id) values ($1, $2) on conflict (job_id) do nothing",
        job_id,
        retry_id
    )
    .execute(&mut *conn)
    .await?;
    if linked.rows_affected() == 0 {
        let earlier = sqlx::query_scalar!("select retry_id from queue.retries where job_id = $1", job_id);
        return Err(Refusal::AlreadyRetried(earlier.fetch_one(conn).await?));
    }
    let raw = RawJob {
        queue: job.queue.clone(),
        kind: job.kind.clone(),
        payload: job.payload.clone(),
        priority: job.priority,
        unique_key: job.unique_key,
        fifo_key: job.fifo_key,
        limit_key: job.limit_key,
    };
    let mut options = Enqueue::default().id(retry_id).on_conflict(OnConflict::Reject);
    for tag in job.tags.unwrap_or_default() {
        options = options.tag(tag);
    }
    if let Some(trace_id) = job.trace_id {
        options = options.trace_id(trace_id);
    }
    if let Some(max_failures) = job.max_failures {
        options = options.max_failures(max_failures);
    }
    enqueue::insert(conn, raw, options).await?;
    tell_restart(conn, &job.kind, job.payload, retry_id).await?;
    Ok(Retried { job_id: retry_id, queue: job.queue, repeated: true })
}

/// Cancels a job: a waiting one ends, a running one is asked to stop.
pub async fn cancel(conn: &mut PgConnection, job_id: Uuid, reason: &str) -> Result<CancelOutcome, Refusal> {
    match settle::cancel(conn, job_id, reason).await? {
        CancelOutcome::Unknown => Err(Refusal::Unknown),
        CancelOutcome::AlreadyFinished => Err(finished_state(conn, job_id).await?),
        done @ (CancelOutcome::Cancelled | CancelOutcome::Requested) => Ok(done),
    }
}

async fn finished_state(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Refusal> {
    let state = sqlx::query_scalar!(
        r#"select state::text as "state!" from queue.finished where job_id = $1 limit 1"#,
        job_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(state.map_or(Refusal::Unknown, Refusal::State))
}

/// Ends a job that waits as discarded, and tells its kind. A running one is refused: cancel it.
pub async fn discard(conn: &mut PgConnection, job_id: Uuid, reason: &str) -> Result<(), Refusal> {
    if end(conn, job_id, reason).await? { Ok(()) } else { Err(refusal(conn, job_id).await?) }
}

async fn refusal(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Refusal> {
    match unfinished_state(conn, job_id).await? {
        Some(state) => Ok(Refusal::State(state)),
        None => finished_state(conn, job_id).await,
    }
}

/// Moves a waiting job to the history as discarded; `false` when it does not wait.
async fn end(conn: &mut PgConnection, job_id: Uuid, reason: &str) -> sqlx::Result<bool> {
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
         select job_id, queue, kind, payload, 'discarded', priority, attempt, failures, crashes,
                max_failures, run_at, created_at, started_at, clock_timestamp(), progress,
                progress_note, unique_key, fifo_key, limit_key, tags, trace_id,
                'DISCARDED: ' || $2::text
           from ended
         returning kind, payload",
        job_id,
        reason,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(job) = ended else { return Ok(false) };
    if let Some(entry) = KINDS.get(&job.kind) {
        (entry.abandon)(job.payload, conn, &discarded(reason)).await?;
    }
    Ok(true)
}

fn discarded(reason: &str) -> Ending {
    Ending { state: EndState::Discarded, class: "DISCARDED".into(), message: reason.to_owned() }
}

/// Ends the doubt about an indeterminate job. Returns the queue to hint at when it runs again.
pub async fn resolve(
    conn: &mut PgConnection,
    job_id: Uuid,
    resolution: Resolution,
    reason: &str,
) -> Result<Option<String>, Refusal> {
    let resolved = match resolution {
        Resolution::Completed => {
            let output = json!({ "resolved": reason });
            doubt::complete(conn, &KINDS, job_id, None, output).await?.then_some(None)
        }
        Resolution::Discarded => {
            doubt::discard(conn, &KINDS, job_id, None, &discarded(reason)).await?.then_some(None)
        }
        Resolution::Retry => doubt::run_again(conn, job_id, None, Duration::ZERO).await?.map(Some),
    };
    match resolved {
        Some(queue) => Ok(queue),
        None => Err(refusal(conn, job_id).await?),
    }
}
