//! Enqueueing, in the caller's transaction: a job and the row it refers to commit together.
//!
//! No NOTIFY here: inside a transaction it takes a cluster-wide lock at commit (measured:
//! −65 % inserts/s). Callers send a [`super::Hints`] hint after their commit; polling suffices
//! without.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::job::Job;

/// How a job is to be enqueued; the default is: now, once, with the kind's priority.
#[derive(Debug, Clone, Default)]
pub struct Enqueue {
    job_id: Option<Uuid>,
    delay: Option<Duration>,
    priority: Option<i16>,
    max_failures: Option<i32>,
    trace_id: Option<String>,
}

impl Enqueue {
    /// Gives the job an id that the caller knows beforehand (a UUID v7, see [`new_id`](Self::new_id)).
    #[must_use]
    pub fn id(mut self, job_id: Uuid) -> Self {
        self.job_id = Some(job_id);
        self
    }

    /// Returns a fresh job id; ids sort by the time they were made.
    pub fn new_id() -> Uuid {
        Uuid::now_v7()
    }

    /// Runs the job no sooner than `delay` from now, by the database's clock.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Overrides the kind's priority; lower runs first.
    #[must_use]
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Overrides the failures after which the job is discarded.
    #[must_use]
    pub fn max_failures(mut self, max_failures: i32) -> Self {
        self.max_failures = Some(max_failures);
        self
    }

    /// Carries the trace of the request that caused the job.
    #[must_use]
    pub fn trace_id(mut self, trace_id: impl Into<String>) -> Self {
        self.trace_id = Some(trace_id.into());
        self
    }
}

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
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

fn encode<J: Job>(job: &J) -> Result<Value, EnqueueError> {
    serde_json::to_value(job).map_err(|source| EnqueueError::Payload { kind: J::KIND, source })
}

/// Enqueues `job` in the caller's transaction.
///
/// While an unfinished job of the kind has the same unique key, that one is returned instead.
pub async fn enqueue<J: Job>(
    conn: &mut PgConnection,
    job: &J,
    options: Enqueue,
) -> Result<Enqueued, EnqueueError> {
    let payload = encode(job)?;
    let unique_key = job.unique_key();
    let job_id = options.job_id.unwrap_or_else(Enqueue::new_id);
    let delay = options.delay.unwrap_or_default().as_secs_f64();
    loop {
        let inserted = sqlx::query!(
            "insert into queue.jobs
                    (job_id, queue, kind, payload, priority, max_failures, unique_key, trace_id,
                     state, run_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8,
                     case when $9::float8 > 0 then 'scheduled' else 'available' end::queue.job_state,
                     clock_timestamp() + make_interval(secs => $9::float8))
             on conflict (kind, unique_key) where unique_key is not null do nothing",
            job_id,
            J::QUEUE,
            J::KIND,
            payload,
            options.priority.unwrap_or(J::PRIORITY),
            options.max_failures,
            unique_key,
            options.trace_id,
            delay,
        )
        .execute(&mut *conn)
        .await?
        .rows_affected();
        if inserted == 1 {
            return Ok(Enqueued { job_id, inserted: true });
        }
        let holder = sqlx::query_scalar!(
            "select job_id from queue.jobs where kind = $1 and unique_key = $2",
            J::KIND,
            unique_key,
        )
        .fetch_optional(&mut *conn)
        .await?;
        // None: the holder finished between the two statements; then the key is free.
        if let Some(job_id) = holder {
            return Ok(Enqueued { job_id, inserted: false });
        }
    }
}

/// Enqueues `jobs` in one statement; returns the ids of those inserted, in order.
///
/// A job whose unique key is taken is left out; the others are inserted all the same.
pub async fn enqueue_many<J: Job>(
    conn: &mut PgConnection,
    jobs: &[J],
    options: &Enqueue,
) -> Result<Vec<Uuid>, EnqueueError> {
    let ids: Vec<Uuid> = jobs.iter().map(|_| Enqueue::new_id()).collect();
    let payloads = jobs.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<Option<String>> = jobs.iter().map(Job::unique_key).collect();
    let inserted = sqlx::query_scalar!(
        "insert into queue.jobs
                (job_id, queue, kind, payload, priority, max_failures, unique_key, trace_id,
                 state, run_at)
         select n.job_id, $4, $5, n.payload, $6, $7, n.unique_key, $8,
                case when $9::float8 > 0 then 'scheduled' else 'available' end::queue.job_state,
                clock_timestamp() + make_interval(secs => $9::float8)
           from unnest($1::uuid[], $2::jsonb[], $3::text[]) as n(job_id, payload, unique_key)
         on conflict (kind, unique_key) where unique_key is not null do nothing
         returning job_id",
        &ids,
        &payloads,
        &keys as &[Option<String>],
        J::QUEUE,
        J::KIND,
        options.priority.unwrap_or(J::PRIORITY),
        options.max_failures,
        options.trace_id.as_deref(),
        options.delay.unwrap_or_default().as_secs_f64(),
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted)
}
