//! The insert of many jobs that differ in everything, in one statement.
//!
//! `enqueue_many` of a kind without FIFO keys has a leaner one of its own.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{Enqueue, EnqueueError, RawJob, UniqueScope, raw};
use crate::job::Job;

/// A job of a batch. Its options' dependencies and conflict mode do not apply here.
#[derive(Debug)]
pub(in crate::queue) struct Entry {
    pub(in crate::queue) job_id: Uuid,
    pub(in crate::queue) job: RawJob,
    pub(in crate::queue) options: Enqueue,
    /// Its place under its FIFO key, if it has one, and whether another entry goes first.
    pub(in crate::queue) turn: Option<(i64, bool)>,
}

/// Inserts jobs of a kind with FIFO keys so that their order is that of `jobs`; returns the ids of
/// those inserted, in order.
pub(super) async fn insert_in_turn<J: Job>(
    conn: &mut PgConnection,
    jobs: &[J],
    options: &Enqueue,
) -> Result<Vec<Uuid>, EnqueueError> {
    let mut entries = Vec::with_capacity(jobs.len());
    for job in jobs {
        let (job_id, options) = (Enqueue::new_id(), options.clone());
        entries.push(Entry { job_id, job: raw(job, &options)?, options, turn: None });
    }
    // The turns are held until the commit, so all of it is one transaction.
    let mut tx = conn.begin().await?;
    take_turns(&mut tx, &mut entries).await?;
    let inserted = insert_entries(&mut tx, &entries).await?;
    tx.commit().await?;
    Ok(inserted)
}

/// Locks the FIFO keys of `entries` until the caller's commit and gives each its place.
///
/// The locks are those of single enqueues, taken in one order by whoever takes many.
async fn take_turns(conn: &mut PgConnection, entries: &mut [Entry]) -> sqlx::Result<()> {
    let keys: BTreeSet<String> = entries.iter().filter_map(|entry| entry.job.fifo_key.clone()).collect();
    for key in keys {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('fifo:' || $1, 0))::text", key)
            .fetch_one(&mut *conn)
            .await?;
    }
    let needed = entries.iter().filter(|entry| entry.job.fifo_key.is_some()).count();
    let mut places = sqlx::query_scalar!(
        r#"select nextval('queue.fifo_seq') as "seq!" from generate_series(1, $1)"#,
        i32::try_from(needed).unwrap_or(i32::MAX),
    )
    .fetch_all(conn)
    .await?;
    places.sort_unstable();
    let mut places = places.into_iter();
    let mut seen = BTreeSet::new();
    for entry in entries {
        if let Some(key) = &entry.job.fifo_key {
            let behind = !seen.insert(key.clone());
            entry.turn = places.next().map(|place| (place, behind));
        }
    }
    Ok(())
}

/// Inserts `entries`; returns the ids of those inserted, in order: a job whose unique key is taken,
/// by another job or an earlier entry, is left out.
pub(in crate::queue) async fn insert_entries(
    conn: &mut PgConnection,
    entries: &[Entry],
) -> sqlx::Result<Vec<Uuid>> {
    fn column<T>(entries: &[Entry], of: impl Fn(&Entry) -> T) -> Vec<T> {
        entries.iter().map(of).collect()
    }
    let tags = |entry: &Entry| entry.options.tags.as_ref().map(|tags| Value::from(tags.clone()));
    let within = |entry: &Entry| entry.options.not_after.map(|within| within.as_secs_f64());
    let inserted = sqlx::query_scalar!(
        "insert into queue.jobs
                (job_id, queue, kind, payload, priority, max_failures, unique_key,
                 unique_while_waiting, fifo_key, fifo_seq, limit_key, tags, trace_id,
                 state, run_at, not_after)
         select n.job_id, n.queue, n.kind, n.payload, n.priority, n.max_failures, n.unique_key,
                n.while_waiting, n.fifo_key, n.fifo_seq, n.limit_key,
                case when n.tags is not null then array(select jsonb_array_elements_text(n.tags)) end,
                n.trace_id,
                case when n.delay > 0 then 'scheduled'
                     when n.behind
                          or n.limit_key is not null
                             and exists (select 1 from queue.limits l where l.limit_key = n.limit_key)
                          or n.fifo_key is not null
                             and exists (select 1 from queue.jobs f where f.fifo_key = n.fifo_key)
                     then 'blocked'
                     else 'available' end::queue.job_state,
                clock_timestamp() + make_interval(secs => n.delay),
                clock_timestamp() + make_interval(secs => n.within)
           from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::smallint[], $6::int[],
                       $7::text[], $8::bool[], $9::text[], $10::bigint[], $11::text[], $12::jsonb[],
                       $13::text[], $14::float8[], $15::float8[], $16::bool[])
                  as n(job_id, queue, kind, payload, priority, max_failures, unique_key,
                       while_waiting, fifo_key, fifo_seq, limit_key, tags, trace_id, delay, within, behind)
         on conflict (kind, unique_key) where unique_key is not null do nothing
         returning job_id",
        &column(entries, |entry| entry.job_id),
        &column(entries, |entry| entry.job.queue.clone()),
        &column(entries, |entry| entry.job.kind.clone()),
        &column(entries, |entry| entry.job.payload.clone()),
        &column(entries, |entry| entry.job.priority),
        &column(entries, |entry| entry.options.max_failures) as &[Option<i32>],
        &column(entries, |entry| entry.job.unique_key.clone()) as &[Option<String>],
        &column(entries, |entry| entry.options.unique_scope == UniqueScope::Waiting),
        &column(entries, |entry| entry.job.fifo_key.clone()) as &[Option<String>],
        &column(entries, |entry| entry.turn.map(|(place, _)| place)) as &[Option<i64>],
        &column(entries, |entry| entry.job.limit_key.clone()) as &[Option<String>],
        &column(entries, tags) as &[Option<Value>],
        &column(entries, |entry| entry.options.trace_id.clone()) as &[Option<String>],
        &column(entries, |entry| entry.options.delay.unwrap_or_default().as_secs_f64()),
        &column(entries, within) as &[Option<f64>],
        &column(entries, |entry| entry.turn.is_some_and(|(_, behind)| behind)),
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted)
}
