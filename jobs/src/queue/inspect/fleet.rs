//! Who works, who leads, and what is due by the clock.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A worker process.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct WorkerView {
    pub worker_id: Uuid,
    pub host: String,
    pub pid: i32,
    pub build: String,
    /// Slots by queue.
    pub queues: Value,
    pub kinds: Vec<String>,
    pub started_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub stopping: bool,
    /// Seen within half a minute.
    pub live: bool,
    /// Jobs that it holds.
    pub running: i64,
}

/// Who leads a role.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct LeaderView {
    pub role: String,
    pub term: i64,
    pub holder: Uuid,
    pub since: DateTime<Utc>,
    /// Where the holder runs, when it is among the workers.
    pub host: Option<String>,
    pub pid: Option<i32>,
    /// The holder was seen within half a minute.
    pub live: bool,
}

/// A schedule.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ScheduleView {
    pub schedule_id: Uuid,
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub queue: String,
    pub kind: String,
    pub payload: Value,
    pub misfire: String,
    pub overlap: String,
    pub paused: bool,
    pub last_tick: Option<DateTime<Utc>>,
    pub next_tick: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Returns the workers of the last day, live ones first.
pub async fn workers(conn: &mut PgConnection) -> sqlx::Result<Vec<WorkerView>> {
    sqlx::query_as!(
        WorkerView,
        r#"select worker_id, host, pid, build, queues, kinds, started_at, seen_at, stopping,
                  seen_at > now() - interval '30 s' as "live!",
                  (select count(*) from queue.jobs j
                    where j.worker_id = w.worker_id and j.state = 'running') as "running!"
             from queue.workers w
            order by seen_at > now() - interval '30 s' desc, started_at, worker_id
            limit 1000"#
    )
    .fetch_all(conn)
    .await
}

/// Returns who leads each role.
pub async fn leaders(conn: &mut PgConnection) -> sqlx::Result<Vec<LeaderView>> {
    sqlx::query_as!(
        LeaderView,
        r#"select l.role, l.term, l.holder, l.since, w.host as "host?", w.pid as "pid?",
                  coalesce(w.seen_at > now() - interval '30 s', false) as "live!"
             from queue.leadership l
             left join queue.workers w on w.worker_id = l.holder
            order by l.role"#
    )
    .fetch_all(conn)
    .await
}

/// Returns the schedules by name.
pub async fn schedules(conn: &mut PgConnection) -> sqlx::Result<Vec<ScheduleView>> {
    sqlx::query_as!(
        ScheduleView,
        "select schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap, paused,
                last_tick, next_tick, created_at, updated_at
           from queue.schedules
          order by name"
    )
    .fetch_all(conn)
    .await
}

/// Returns a schedule.
pub async fn schedule(conn: &mut PgConnection, schedule_id: Uuid) -> sqlx::Result<Option<ScheduleView>> {
    sqlx::query_as!(
        ScheduleView,
        "select schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap, paused,
                last_tick, next_tick, created_at, updated_at
           from queue.schedules
          where schedule_id = $1",
        schedule_id
    )
    .fetch_optional(conn)
    .await
}
