//! How many jobs there are in each of the five words that older clients know.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{COUNT_CAP, Count};

/// Numbers of jobs.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Waiting for whatever reason.
    pub pending: Count,
    /// Running.
    pub running: Count,
    /// Completed, as far as the history goes back.
    pub succeeded: Count,
    /// Cancelled or indeterminate.
    pub failed: Count,
    /// Discarded or quarantined.
    pub dead: Count,
    /// Since when the oldest pending job could have run.
    pub oldest_pending: Option<DateTime<Utc>>,
}

/// Counts the jobs.
pub async fn tally(conn: &mut PgConnection) -> sqlx::Result<Tally> {
    let row = sqlx::query!(
        r#"select (select count(*) from (select 1 from queue.jobs
                    where state in ('scheduled', 'blocked', 'available', 'retryable') limit $1) c) as "pending!",
                  (select count(*) from (select 1 from queue.jobs where state = 'running' limit $1) c) as "running!",
                  (select count(*) from (select 1 from queue.finished where state = 'completed' limit $1) c)
                      as "succeeded!",
                  (select count(*) from (select 1 from queue.finished
                    where state <> 'completed' and state = 'cancelled' limit $1) c)
                + (select count(*) from (select 1 from queue.jobs where state = 'indeterminate' limit $1) c)
                      as "failed!",
                  (select count(*) from (select 1 from queue.finished
                    where state <> 'completed' and state = 'discarded' limit $1) c)
                + (select count(*) from (select 1 from queue.jobs where state = 'quarantined' limit $1) c)
                      as "dead!",
                  (select min(run_at) from (select run_at from queue.jobs
                    where state in ('blocked', 'available') limit $1) c) as oldest_pending"#,
        COUNT_CAP + 1
    )
    .fetch_one(conn)
    .await?;
    Ok(Tally {
        pending: Count::capped(row.pending),
        running: Count::capped(row.running),
        succeeded: Count::capped(row.succeeded),
        failed: Count::capped(row.failed),
        dead: Count::capped(row.dead),
        oldest_pending: row.oldest_pending,
    })
}
