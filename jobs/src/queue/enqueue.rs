//! Enqueueing, in the caller's transaction: a job and the row it refers to commit together.
//!
//! No NOTIFY here: inside a transaction it takes a cluster-wide lock at commit (measured:
//! −65 % inserts/s). Callers send a [`super::Hints`] hint after their commit; polling suffices
//! without.

mod bulk;
mod options;
mod raw;

pub(super) use bulk::{Entry, insert_entries};
pub use options::{Enqueue, OnConflict, UniqueScope};
pub(crate) use raw::{RawJob, insert};

use std::sync::Arc;

use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::job::{Job, versioned};

/// The job that stands for an enqueue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id: the given one, or that of the unfinished job with the same unique key.
    pub job_id: Uuid,
    /// Whether this call inserted it.
    pub inserted: bool,
}

/// Why nothing was enqueued.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// The payload has no JSON form.
    #[error("the payload of {kind} does not encode: {source}")]
    Payload {
        /// The kind.
        kind: &'static str,
        /// What serde said.
        source: serde_json::Error,
    },
    /// An unfinished job has the unique key, and the caller asked to be told so.
    #[error("an unfinished {kind} has the unique key {key:?}: job {holder}")]
    Duplicate {
        /// The kind.
        kind: String,
        /// The key.
        key: String,
        /// The job that has it.
        holder: Uuid,
    },
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The database did not answer for a batch that the job was in, see [`super::Enqueuer`]; it may
    /// have been enqueued all the same.
    #[error("the batch was not enqueued: {0}")]
    Batch(Arc<sqlx::Error>),
    /// The task of the [`super::Enqueuer`] is gone.
    #[error("the enqueuer has ended")]
    Closed,
}

fn encode<J: Job>(job: &J) -> Result<Value, EnqueueError> {
    serde_json::to_value(job).map_err(|source| EnqueueError::Payload { kind: J::KIND, source })
}

fn written<J: Job>(job: &J) -> Result<Json<Box<RawValue>>, EnqueueError> {
    to_raw_value(job).map(Json).map_err(|source| EnqueueError::Payload { kind: J::KIND, source })
}

/// Enqueues `job` in the caller's transaction.
///
/// While an unfinished job of the kind has the same unique key, that one is returned,
/// replaced or refused, as the options say.
pub async fn enqueue<J: Job>(
    conn: &mut PgConnection,
    job: &J,
    options: Enqueue,
) -> Result<Enqueued, EnqueueError> {
    insert(conn, raw(job, &options)?, options).await
}

/// Returns `job` in the queue's own terms.
pub(super) fn raw<J: Job>(job: &J, options: &Enqueue) -> Result<RawJob, EnqueueError> {
    Ok(RawJob {
        queue: J::QUEUE.into(),
        kind: versioned(J::KIND, J::VERSION),
        payload: encode(job)?,
        priority: options.priority.unwrap_or(J::PRIORITY),
        unique_key: job.unique_key(),
        fifo_key: options.fifo_key.clone().or_else(|| job.fifo_key()),
        limit_key: options.limit_key.clone().or_else(|| job.limit_key()),
    })
}

/// Enqueues `jobs` in one statement; returns the ids of those inserted, in order.
///
/// A job whose unique key is taken is left out; the others are inserted all the same. Of the
/// options, id, dependencies and conflict mode do not apply. Jobs with a FIFO key run in the order
/// of `jobs`, after all that was enqueued under their key before; they take three statements.
pub async fn enqueue_many<J: Job>(
    conn: &mut PgConnection,
    jobs: &[J],
    options: &Enqueue,
) -> Result<Vec<Uuid>, EnqueueError> {
    if options.fifo_key.is_some() || jobs.iter().any(|job| job.fifo_key().is_some()) {
        return bulk::insert_in_turn(conn, jobs, options).await;
    }
    let ids: Vec<Uuid> = jobs.iter().map(|_| Enqueue::new_id()).collect();
    // Written once, not built as a tree first: half of what a bulk insert costs its caller.
    let payloads = jobs.iter().map(written).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<Option<String>> = jobs.iter().map(Job::unique_key).collect();
    let limits: Vec<Option<String>> =
        jobs.iter().map(|job| options.limit_key.clone().or_else(|| job.limit_key())).collect();
    let kind = versioned(J::KIND, J::VERSION);
    let priority = options.priority.unwrap_or(J::PRIORITY);
    let delay = options.delay.unwrap_or_default().as_secs_f64();
    let within = options.not_after.map(|within| within.as_secs_f64());
    if keys.iter().all(Option::is_none) {
        // Nothing to be in conflict with: a speculative insert would log each row twice.
        sqlx::query!(
            "insert into queue.jobs
                    (job_id, queue, kind, payload, priority, max_failures, limit_key, tags, trace_id,
                     state, run_at, not_after)
             select n.job_id, $4, $5, n.payload, $6, $7, n.limit_key, $8, $9,
                    case when $10::float8 > 0 then 'scheduled'
                         when n.limit_key is not null
                              and exists (select 1 from queue.limits l where l.limit_key = n.limit_key)
                         then 'blocked'
                         else 'available' end::queue.job_state,
                    clock_timestamp() + make_interval(secs => $10::float8),
                    clock_timestamp() + make_interval(secs => $11::float8)
               from unnest($1::uuid[], $2::jsonb[], $3::text[]) as n(job_id, payload, limit_key)",
            &ids,
            &payloads as &[Json<Box<RawValue>>],
            &limits as &[Option<String>],
            J::QUEUE,
            kind,
            priority,
            options.max_failures,
            options.tags.as_deref(),
            options.trace_id.as_deref(),
            delay,
            within,
        )
        .execute(conn)
        .await?;
        return Ok(ids);
    }
    let inserted = sqlx::query_scalar!(
        "insert into queue.jobs
                (job_id, queue, kind, payload, priority, max_failures, unique_key, limit_key, tags,
                 trace_id, state, run_at, not_after)
         select n.job_id, $5, $6, n.payload, $7, $8, n.unique_key, n.limit_key, $9, $10,
                case when $11::float8 > 0 then 'scheduled'
                     when n.limit_key is not null
                          and exists (select 1 from queue.limits l where l.limit_key = n.limit_key)
                     then 'blocked'
                     else 'available' end::queue.job_state,
                clock_timestamp() + make_interval(secs => $11::float8),
                clock_timestamp() + make_interval(secs => $12::float8)
           from unnest($1::uuid[], $2::jsonb[], $3::text[], $4::text[])
                  as n(job_id, payload, unique_key, limit_key)
         on conflict (kind, unique_key) where unique_key is not null do nothing
         returning job_id",
        &ids,
        &payloads as &[Json<Box<RawValue>>],
        &keys as &[Option<String>],
        &limits as &[Option<String>],
        J::QUEUE,
        kind,
        priority,
        options.max_failures,
        options.tags.as_deref(),
        options.trace_id.as_deref(),
        delay,
        within,
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted)
}
