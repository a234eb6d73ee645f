//! A new job from an old one, which begins in the middle: the results of the steps before are
//! copied, so that its handler reads them instead of doing the work again.

use sqlx::PgConnection;
use uuid::Uuid;

use super::jobs::{Refusal, tell_restart};
use crate::queue::{
    Enqueue, OnConflict,
    enqueue::{self, RawJob},
    inspect,
};

/// What a fork did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forked {
    /// The new job.
    pub job_id: Uuid,
    /// Where it waits; send a hint after the commit.
    pub queue: String,
}

/// Enqueues a job of the kind, payload, keys, tags and limits of `job_id`, finished or not, with
/// the results of its steps before `from_step` in the order in which they were done; without one
/// it does them all itself.
///
/// Its id, and so its idempotency key, is new: effects outside Postgres happen again. While the
/// old job is unfinished and has a unique key, it is refused.
pub async fn fork(conn: &mut PgConnection, job_id: Uuid, from_step: Option<&str>) -> Result<Forked, Refusal> {
    let job = inspect::job(conn, job_id).await?.ok_or(Refusal::Unknown)?;
    let steps: Vec<String> = inspect::steps(conn, job_id).await?.into_iter().map(|step| step.name).collect();
    let kept = match from_step {
        None => 0,
        Some(first) => steps
            .iter()
            .position(|step| step == first)
            .ok_or_else(|| Refusal::UnknownStep { step: first.to_owned(), known: steps.clone() })?,
    };
    let fork_id = Enqueue::new_id();
    let raw = RawJob {
        queue: job.queue.clone(),
        kind: job.kind.clone(),
        payload: job.payload.clone(),
        priority: job.priority,
        unique_key: job.unique_key,
        fifo_key: job.fifo_key,
        limit_key: job.limit_key,
    };
    let mut options = Enqueue::default().id(fork_id).on_conflict(OnConflict::Reject);
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
    sqlx::query!(
        "insert into queue.forks (fork_id, job_id, from_step) values ($1, $2, $3)",
        fork_id,
        job_id,
        from_step
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into queue.steps (job_id, name, output, attempt, created_at)
         select $2, name, output, attempt, created_at
           from queue.steps
          where job_id = $1 and name = any($3)",
        job_id,
        fork_id,
        &steps[..kept],
    )
    .execute(&mut *conn)
    .await?;
    if job.finished_at.is_some() {
        tell_restart(conn, &job.kind, job.payload, fork_id).await?;
    }
    Ok(Forked { job_id: fork_id, queue: job.queue })
}
