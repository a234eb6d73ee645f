//! The insert itself, for a job whose kind is known by name only.

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{Enqueue, EnqueueError, Enqueued, OnConflict, UniqueScope};

/// A job in the queue's own terms.
#[derive(Debug)]
pub(crate) struct RawJob {
    pub(crate) queue: String,
    pub(crate) kind: String,
    pub(crate) payload: Value,
    pub(crate) priority: i16,
    pub(crate) unique_key: Option<String>,
    pub(crate) fifo_key: Option<String>,
    pub(crate) limit_key: Option<String>,
}

/// Inserts `job`, or settles a conflict of its unique key as the options say.
///
/// What takes several statements happens together, also where the caller has no transaction:
/// a job must never be seen without what it waits for, nor a turn be given away before its
/// job is there. Within the caller's transaction this is a savepoint.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    job: RawJob,
    options: Enqueue,
) -> Result<Enqueued, EnqueueError> {
    if options.after.is_empty() && job.fifo_key.is_none() {
        return insert_whole(conn, job, options).await;
    }
    let mut tx = conn.begin().await?;
    let enqueued = insert_whole(&mut tx, job, options).await?;
    tx.commit().await?;
    Ok(enqueued)
}

async fn insert_whole(
    conn: &mut PgConnection,
    job: RawJob,
    options: Enqueue,
) -> Result<Enqueued, EnqueueError> {
    let job_id = options.job_id.unwrap_or_else(Enqueue::new_id);
    let waits = !options.after.is_empty();
    if waits {
        depend(conn, job_id, &options.after).await?;
    }
    let fifo_seq = match &job.fifo_key {
        Some(key) => Some(take_turn(conn, key).await?),
        None => None,
    };
    loop {
        if insert_row(conn, job_id, &job, &options, waits, fifo_seq).await? {
            return Ok(Enqueued { job_id, inserted: true });
        }
        let key = job.unique_key.clone().unwrap_or_default();
        if options.on_conflict == OnConflict::Replace
            && let Some(job_id) = replace(conn, &job, &options).await?
        {
            return Ok(Enqueued { job_id, inserted: false });
        }
        let holder = sqlx::query_scalar!(
            "select job_id from queue.jobs where kind = $1 and unique_key = $2",
            job.kind,
            key,
        )
        .fetch_optional(&mut *conn)
        .await?;
        // None: the holder finished between the two statements; then the key is free.
        match holder {
            Some(holder) if options.on_conflict == OnConflict::Reject => {
                return Err(EnqueueError::Duplicate { kind: job.kind, key, holder });
            }
            Some(job_id) => return Ok(Enqueued { job_id, inserted: false }),
            None => {}
        }
    }
}

async fn insert_row(
    conn: &mut PgConnection,
    job_id: Uuid,
    job: &RawJob,
    options: &Enqueue,
    waits: bool,
    fifo_seq: Option<i64>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into queue.jobs
                (job_id, queue, kind, payload, priority, max_failures, unique_key,
                 unique_while_waiting, fifo_key, fifo_seq, limit_key, waits, tags, trace_id,
                 state, run_at, not_after)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                 case when $15::float8 > 0 then 'scheduled'
                      when $12 or exists (select 1 from queue.limits where limit_key = $11)
                           or exists (select 1 from queue.jobs where fifo_key = $9) then 'blocked'
                      else 'available' end::queue.job_state,
                 clock_timestamp() + make_interval(secs => $15::float8),
                 clock_timestamp() + make_interval(secs => $16::float8))
         on conflict (kind, unique_key) where unique_key is not null do nothing",
        job_id,
        job.queue,
        job.kind,
        job.payload,
        job.priority,
        options.max_failures,
        job.unique_key,
        options.unique_scope == UniqueScope::Waiting,
        job.fifo_key,
        fifo_seq,
        job.limit_key,
        waits,
        options.tags.as_deref(),
        options.trace_id,
        options.delay.unwrap_or_default().as_secs_f64(),
        options.not_after.map(|within| within.as_secs_f64()),
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Serialises the enqueues of a FIFO key until the caller's commit, so that their order is
/// the order of their commits, and draws the next place.
async fn take_turn(conn: &mut PgConnection, key: &str) -> sqlx::Result<i64> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('fifo:' || $1, 0))::text", key)
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query_scalar!(r#"select nextval('queue.fifo_seq') as "seq!""#).fetch_one(conn).await
}

/// Notes that `job_id` waits for those of `jobs` that are unfinished.
async fn depend(conn: &mut PgConnection, job_id: Uuid, jobs: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into queue.dependencies (depends_on, job_id)
         select distinct depends_on, $1::uuid from unnest($2::uuid[]) as u(depends_on)
         on conflict do nothing",
        job_id,
        jobs,
    )
    .execute(&mut *conn)
    .await?;
    // Only a hint to their workers; readiness is always derived from the rows.
    sqlx::query!(
        "update queue.jobs set has_dependents = true
          where job_id = any($1) and not has_dependents and state <> 'running'",
        jobs,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the waiting holder of the key this job's payload and time; `None` when it runs.
async fn replace(conn: &mut PgConnection, job: &RawJob, options: &Enqueue) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "update queue.jobs
            set payload = $3, priority = $4, max_failures = $5, tags = $6, trace_id = $7,
                run_at = clock_timestamp() + make_interval(secs => $8::float8),
                not_after = clock_timestamp() + make_interval(secs => $9::float8),
                state = case when $8::float8 > 0 then 'scheduled'
                             when waits or limit_key is not null or fifo_key is not null then 'blocked'
                             else 'available' end::queue.job_state
          where kind = $1 and unique_key = $2
            and state in ('scheduled', 'blocked', 'available', 'retryable')
        returning job_id",
        job.kind,
        job.unique_key,
        job.payload,
        job.priority,
        options.max_failures,
        options.tags.as_deref(),
        options.trace_id,
        options.delay.unwrap_or_default().as_secs_f64(),
        options.not_after.map(|within| within.as_secs_f64()),
    )
    .fetch_optional(conn)
    .await
}
