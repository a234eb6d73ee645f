//! Lets blocked jobs run: those whose predecessors have finished, whose turn it is under their
//! FIFO key, and for whom their limit has room.
//!
//! Readiness is derived from the rows each time, so there is no counter to drift. Any process
//! may admit; one does at a time. A fast claim never looks at any of this.

use sqlx::{Connection, PgConnection, PgPool};

/// The advisory lock of admissions.
const ADMISSION_LOCK: i64 = 0x6361_7073_7461_6e02;
/// Most jobs admitted by one statement.
const PAGE: i64 = 1000;

/// Returns whether any job is blocked: a look at one index entry.
pub(super) async fn any_blocked(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select 1 from queue.jobs where state = 'blocked') as "any!""#)
        .fetch_one(pool)
        .await
}

/// Admits what can run now; returns the queues that have new available jobs.
pub(super) async fn admit(pool: &PgPool) -> sqlx::Result<Vec<String>> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let mine = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "mine!""#, ADMISSION_LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !mine {
        return Ok(Vec::new());
    }
    let mut queues = admit_unlimited(&mut tx).await?;
    for key in limits_in_demand(&mut tx).await? {
        queues.extend(admit_limited(&mut tx, &key).await?);
    }
    tx.commit().await?;
    queues.sort_unstable();
    queues.dedup();
    Ok(queues)
}

/// Admits dependents whose predecessors are gone and the heads of FIFO keys, except those
/// that share a limit.
async fn admit_unlimited(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let queues = sqlx::query_scalar!(
        "with recursive keys as (
             (select fifo_key from queue.jobs
               where state = 'blocked' and fifo_key is not null order by fifo_key limit 1)
             union all
             select (select b.fifo_key from queue.jobs b
                      where b.state = 'blocked' and b.fifo_key > keys.fifo_key
                      order by b.fifo_key limit 1)
               from keys
              where keys.fifo_key is not null),
         ready as materialized (
             (select b.job_id
                from queue.jobs b
               where b.state = 'blocked' and b.fifo_key is null
                 and not exists (select 1 from queue.limits l where l.limit_key = b.limit_key)
                 and not exists (select 1 from queue.dependencies d
                                  join queue.jobs u on u.job_id = d.depends_on
                                 where d.job_id = b.job_id)
               limit $1)
             union all
             select head.job_id
               from keys
              cross join lateral (
                     select h.job_id, h.state, h.limit_key
                       from queue.jobs h
                      where h.fifo_key = keys.fifo_key
                      order by h.fifo_seq
                      limit 1) as head
              where head.state = 'blocked'
                and not exists (select 1 from queue.limits l where l.limit_key = head.limit_key)
                and not exists (select 1 from queue.dependencies d
                                 join queue.jobs u on u.job_id = d.depends_on
                                where d.job_id = head.job_id))
         update queue.jobs j
            set state = 'available'
           from ready
          where j.job_id = ready.job_id and j.state = 'blocked'
        returning j.queue",
        PAGE,
    )
    .fetch_all(conn)
    .await?;
    Ok(queues)
}

/// Returns the limits that blocked jobs share, locked, refilled.
async fn limits_in_demand(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    // The bucket holds a tenth of the rate and refills at nine tenths of it, so that no
    // minute, however it is cut, sees more than the rate.
    sqlx::query_scalar!(
        "update queue.limits l
            set tokens = case when rate_per_minute is null then 0
                              else least(greatest(1.0, rate_per_minute / 10.0),
                                         tokens + extract(epoch from clock_timestamp() - refilled_at)::float8
                                                  * 0.9 * rate_per_minute / 60.0) end,
                refilled_at = clock_timestamp()
          where exists (select 1 from queue.jobs j
                         where j.limit_key = l.limit_key and j.state = 'blocked')
        returning limit_key"
    )
    .fetch_all(conn)
    .await
}

/// Admits as many of one limit's jobs as it has room for, best first.
async fn admit_limited(conn: &mut PgConnection, key: &str) -> sqlx::Result<Vec<String>> {
    let queues = sqlx::query_scalar!(
        "with room as (
             select least(coalesce(max_running - (select count(*) from queue.jobs
                                                   where limit_key = $1
                                                     and state in ('available', 'running')), $2),
                          case when rate_per_minute is null then $2 else floor(tokens) end,
                          $2)::bigint as n
               from queue.limits
              where limit_key = $1),
         ready as materialized (
             select b.job_id
               from queue.jobs b
              where b.limit_key = $1 and b.state = 'blocked'
                and not exists (select 1 from queue.jobs h
                                 where h.fifo_key = b.fifo_key and h.fifo_seq < b.fifo_seq)
                and not exists (select 1 from queue.dependencies d
                                 join queue.jobs u on u.job_id = d.depends_on
                                where d.job_id = b.job_id)
              order by b.priority, b.run_at, b.job_id
              limit greatest(0, (select n from room))),
         admitted as (
             update queue.jobs j
                set state = 'available'
               from ready
              where j.job_id = ready.job_id and j.state = 'blocked'
            returning j.queue),
         spent as (
             update queue.limits
                set tokens = tokens - (select count(*) from admitted)
              where limit_key = $1 and rate_per_minute is not null)
         select queue from admitted",
        key,
        PAGE,
    )
    .fetch_all(conn)
    .await?;
    Ok(queues)
}
