//! Pausing, resizing, limiting. Workers follow within a second.

use serde::Serialize;
use sqlx::PgConnection;

/// What an operator set for a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueSettings {
    /// Whether workers leave it alone.
    pub paused: bool,
    /// Slots of each worker process; `None`: the worker's own setting.
    pub concurrency: Option<i32>,
}

/// What an operator set for a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitSettings {
    /// Most jobs of the key that are admitted at the same time, in the whole fleet.
    pub max_running: Option<i32>,
    /// Most jobs of the key that are admitted within any minute.
    pub rate_per_minute: Option<i32>,
}

/// Returns a queue's settings, locked until the caller's commit.
pub async fn queue_settings(conn: &mut PgConnection, queue: &str) -> sqlx::Result<QueueSettings> {
    // The row is made first, so that there is one to lock.
    sqlx::query!("insert into queue.queues (queue) values ($1) on conflict do nothing", queue)
        .execute(&mut *conn)
        .await?;
    sqlx::query_as!(
        QueueSettings,
        "select paused, concurrency from queue.queues where queue = $1 for update",
        queue
    )
    .fetch_one(conn)
    .await
}

/// Pauses or resumes a queue that [`queue_settings`] has locked.
pub async fn set_paused(
    conn: &mut PgConnection,
    queue: &str,
    paused: bool,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update queue.queues set paused = $2, reason = $3, updated_at = clock_timestamp() where queue = $1",
        queue,
        paused,
        reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the slots that each worker process gives a queue that [`queue_settings`] has locked;
/// `None` is the worker's own setting.
pub async fn resize(
    conn: &mut PgConnection,
    queue: &str,
    concurrency: Option<i32>,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update queue.queues set concurrency = $2, reason = $3, updated_at = clock_timestamp()
          where queue = $1",
        queue,
        concurrency,
        reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the limits of a key; returns those before.
pub async fn set_limit(
    conn: &mut PgConnection,
    key: &str,
    settings: LimitSettings,
) -> sqlx::Result<Option<LimitSettings>> {
    let before = sqlx::query_as!(
        LimitSettings,
        "select max_running, rate_per_minute from queue.limits where limit_key = $1 for update",
        key
    )
    .fetch_optional(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into queue.limits (limit_key, max_running, rate_per_minute)
         values ($1, $2, $3)
         on conflict (limit_key) do update
            set max_running = excluded.max_running, rate_per_minute = excluded.rate_per_minute,
                updated_at = clock_timestamp()",
        key,
        settings.max_running,
        settings.rate_per_minute,
    )
    .execute(conn)
    .await?;
    Ok(before)
}

/// Removes the limits of a key: its jobs run as others do. Returns what they were.
pub async fn remove_limit(conn: &mut PgConnection, key: &str) -> sqlx::Result<Option<LimitSettings>> {
    sqlx::query_as!(
        LimitSettings,
        "delete from queue.limits where limit_key = $1 returning max_running, rate_per_minute",
        key
    )
    .fetch_optional(conn)
    .await
}
