//! Makes due jobs available. Any process may: rows another one holds are skipped.

use std::time::Duration;

use sqlx::PgPool;

/// What a promotion found.
#[derive(Debug)]
pub(super) struct Promotion {
    /// The queues that have new available jobs.
    pub(super) queues: Vec<String>,
    /// Whether the page was full, so that more may be due.
    pub(super) full: bool,
    /// How long until the next waiting job is due.
    pub(super) next: Option<Duration>,
}

const PAGE: i64 = 1000;

/// Moves a page of due jobs from `scheduled` and `retryable` to `available`.
pub(super) async fn promote(pool: &PgPool) -> sqlx::Result<Promotion> {
    let row = sqlx::query!(
        r#"with due as materialized (
               select job_id
                 from queue.jobs
                where state in ('scheduled', 'retryable') and run_at <= clock_timestamp()
                order by run_at
                limit $1
                  for no key update skip locked),
           moved as (
               update queue.jobs j
                  set state = case when j.waits or j.fifo_key is not null or j.limit_key is not null
                                   then 'blocked' else 'available' end::queue.job_state
                 from due
                where j.job_id = due.job_id and j.state in ('scheduled', 'retryable')
            returning j.queue)
           select coalesce((select array_agg(distinct queue) from moved), '{}') as "queues!",
                  (select count(*) from moved) as "moved!",
                  (select extract(epoch from min(run_at) - clock_timestamp())::float8
                     from queue.jobs
                    where state in ('scheduled', 'retryable')
                      and run_at > clock_timestamp()) as next_s"#,
        PAGE,
    )
    .fetch_one(pool)
    .await?;
    Ok(Promotion {
        queues: row.queues,
        full: row.moved == PAGE,
        next: row.next_s.map(|s| Duration::from_secs_f64(s.max(0.0))),
    })
}
