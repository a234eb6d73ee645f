//! The chores of the queue: partitions ahead of time, expired rows out of the way.
//!
//! Safe in any number of processes at once; an advisory lock keeps them from doing it twice.

use sqlx::{Connection, PgPool};
use tracing::info;

/// The advisory lock of chores; any constant that nothing else in the database uses.
const CHORES_LOCK: i64 = 0x6361_7073_7461_6e01;

/// Makes the partitions of today and the next days, and forgets workers long gone.
pub(super) async fn chores(pool: &PgPool) -> sqlx::Result<()> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let mine = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "mine!""#, CHORES_LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !mine {
        return Ok(());
    }
    let made = sqlx::query_scalar!(
        r#"select count(*) filter (where made) as "made!"
             from generate_series(0, 2) as n,
                  queue.ensure_partitions((clock_timestamp() at time zone 'utc')::date + n) as made"#
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query!("delete from queue.workers where seen_at < clock_timestamp() - interval '1 day'")
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    if made > 0 {
        info!("made the partitions of {made} days");
    }
    Ok(())
}
