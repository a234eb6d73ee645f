//! The chores of the queue, the duty of the `maintenance` role: partitions ahead of time,
//! expired ones dropped, rows of jobs long gone removed.

use std::time::Duration;

use sqlx::{Connection, PgPool};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, info, warn};

use super::leader::{Term, TermError};

const EVERY: Duration = Duration::from_mins(10);
/// The tables that have a partition a day.
const PARTITIONED: [&str; 2] = ["finished", "attempts"];

/// Does the chores until the leadership ends.
pub(super) async fn lead(pool: PgPool, term: Term, retention_days: i32) {
    let mut turn = interval(EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        match timeout(Duration::from_mins(1), chores(&pool, &term, retention_days)).await {
            Ok(Ok(())) => {}
            Ok(Err(TermError::Over(number))) => {
                warn!(term = number, "this maintainer's term is over");
                return;
            }
            Ok(Err(TermError::Database(error))) => debug!(%error, "could not do the chores"),
            Err(_) => warn!("the chores took too long"),
        }
    }
}

/// Makes the partitions of today and the next days, drops those past their time, and
/// forgets what belongs to jobs and workers long gone.
pub(super) async fn chores(pool: &PgPool, term: &Term, retention_days: i32) -> Result<(), TermError> {
    for table in PARTITIONED {
        turn_pages(pool, term, table, retention_days).await?;
    }
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    term.assert(&mut tx).await?;
    for statement in [
        "delete from queue.workers where seen_at < clock_timestamp() - interval '1 day'",
        "delete from queue.dependencies d
          where not exists (select 1 from queue.jobs j where j.job_id = d.job_id)",
        "delete from queue.steps s
          where s.created_at < clock_timestamp() - interval '7 days'
            and not exists (select 1 from queue.jobs j where j.job_id = s.job_id)
            and not exists (select 1 from queue.finished f where f.job_id = s.job_id)",
        "delete from queue.logs l
          where l.at < clock_timestamp() - interval '7 days'
            and not exists (select 1 from queue.jobs j where j.job_id = l.job_id)",
        "delete from queue.retries where created_at < clock_timestamp() - interval '90 days'",
        "delete from queue.forks where created_at < clock_timestamp() - interval '90 days'",
        "delete from queue.operations where finished_at < clock_timestamp() - interval '90 days'",
    ] {
        sqlx::query(statement).execute(&mut *tx).await?;
    }
    // A worker's build is known for as long as its last attempts.
    sqlx::query!(
        "with gone as (
             update queue.builds b set gone_at = clock_timestamp()
              where gone_at is null and not exists (select 1 from queue.workers w where w.worker_id = b.worker_id))
         delete from queue.builds where gone_at < clock_timestamp() - make_interval(days => $1 + 1)",
        retention_days,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Makes and drops the days of one table. Each table has a transaction of its own: a day is made
/// and dropped under a lock of the whole table, and there are readers of both.
async fn turn_pages(pool: &PgPool, term: &Term, table: &str, retention_days: i32) -> Result<(), TermError> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    term.assert(&mut tx).await?;
    let days = sqlx::query!(
        r#"select (select count(*) filter (where made)
                     from generate_series(0, 2) as n,
                          queue.ensure_partition($1, (clock_timestamp() at time zone 'utc')::date + n) as made)
                      as "made!",
                  queue.drop_partitions($1, (clock_timestamp() at time zone 'utc')::date - $2::int) as "dropped!""#,
        table,
        retention_days,
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    if days.made + i64::from(days.dropped) > 0 {
        info!("made {} days of {table}, dropped {} expired ones", days.made, days.dropped);
    }
    Ok(())
}

/// Makes the partitions of today and the next days, before anything is written.
pub(super) async fn partitions_ahead(pool: &PgPool) -> sqlx::Result<()> {
    for table in PARTITIONED {
        sqlx::query!(
            r#"select count(*) as "days!"
                 from generate_series(0, 2) as n,
                      queue.ensure_partition($1, (clock_timestamp() at time zone 'utc')::date + n) as made"#,
            table,
        )
        .fetch_one(pool)
        .await?;
    }
    Ok(())
}
