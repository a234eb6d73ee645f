//! When cycles are due, and what they say of themselves.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::events;

/// A cycle that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub user_id: Uuid,
    /// When it was to begin.
    pub tick: DateTime<Utc>,
    /// Seconds between cycles.
    pub interval_s: i32,
    /// Whether an earlier cycle of the user is still to be done.
    pub busy: bool,
}

/// Locks up to `limit` agents that are due, the longest waiting first, and returns them; those
/// that another transaction holds are left out.
pub async fn due(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        r#"select a.user_id, a.next_cycle_at as "tick!", a.interval_s,
                  exists (select from queue.jobs j
                           where j.kind = 'run_cycle' and j.unique_key like a.user_id::text || ':%'
                             and j.state not in ('quarantined', 'indeterminate')) as "busy!"
             from agent_status a
            where a.is_running and not a.is_paused and a.next_cycle_at <= clock_timestamp()
            order by a.next_cycle_at
            limit $1
              for no key update of a skip locked"#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Moves an agent on from `tick`: by its interval, or to now when that is past.
pub async fn move_on(conn: &mut PgConnection, due: &Due) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update agent_status
            set next_cycle_at = greatest(next_cycle_at + make_interval(secs => interval_s::int4),
                                         clock_timestamp())
          where user_id = $1 and next_cycle_at = $2",
        due.user_id,
        due.tick
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a cycle is at work.
pub async fn seen(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("update agent_status set last_heartbeat = clock_timestamp() where user_id = $1", user_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that a cycle ended well: failures are forgotten.
pub async fn succeeded(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update agent_status
            set last_cycle_at = clock_timestamp(), last_heartbeat = clock_timestamp(),
                consecutive_errors = 0
          where user_id = $1",
        user_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a cycle failed, tells the user, and puts the next one off; returns by how much.
pub async fn failed(conn: &mut PgConnection, user_id: Uuid, error: &str) -> sqlx::Result<Option<Duration>> {
    let row = sqlx::query!(
        "update agent_status
            set consecutive_errors = consecutive_errors + 1, last_error = $2,
                last_error_at = clock_timestamp(), last_heartbeat = clock_timestamp()
          where user_id = $1
         returning consecutive_errors, interval_s, is_running",
        user_id,
        error
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let interval = Duration::from_secs(u64::try_from(row.interval_s).unwrap_or_default());
    let wait = domain::cycle::backoff(interval, row.consecutive_errors.unsigned_abs());
    sqlx::query!(
        "update agent_status
            set next_cycle_at = greatest(next_cycle_at, clock_timestamp() + make_interval(secs => $2::float8))
          where user_id = $1 and next_cycle_at is not null",
        user_id,
        wait.as_secs_f64()
    )
    .execute(&mut *conn)
    .await?;
    let body = json!({
        "isRunning": row.is_running,
        "consecutiveErrors": row.consecutive_errors,
        "lastError": error,
        "retryInSeconds": wait.as_secs(),
    });
    events::append(conn, user_id, "agent:status", None, &body).await?;
    Ok(Some(wait))
}
