//! Schedules, edited at run time. The leader of the role `scheduler` follows the rows.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::queue::{
    Enqueue, EnqueueError, Enqueued,
    cron::{CronError, next_tick},
    enqueue::{self, RawJob},
    inspect::ScheduleView,
};

/// What a schedule consists of.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewSchedule {
    pub name: String,
    pub cron: String,
    pub time_zone: String,
    pub queue: String,
    pub kind: String,
    pub payload: Value,
    /// `skip`, `latest` or `all`.
    pub misfire: String,
    /// `skip` or `allow`.
    pub overlap: String,
    pub paused: bool,
}

/// Why a schedule is refused.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Its line or zone is none.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// It would never tick.
    #[error("{0:?} never comes")]
    Never(String),
    /// Another schedule has the name.
    #[error("a schedule is named {0:?} already")]
    NameTaken(String),
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl NewSchedule {
    fn next(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, ScheduleError> {
        next_tick(&self.cron, &self.time_zone, now)?.ok_or_else(|| ScheduleError::Never(self.cron.clone()))
    }

    fn refused(&self, error: sqlx::Error) -> ScheduleError {
        match error.as_database_error().and_then(|error| error.constraint()) {
            Some("schedules_name_key") => ScheduleError::NameTaken(self.name.clone()),
            _ => ScheduleError::Database(error),
        }
    }
}

/// Makes a schedule whose first tick is the next one.
pub async fn create_schedule(
    conn: &mut PgConnection,
    new: &NewSchedule,
) -> Result<ScheduleView, ScheduleError> {
    let next = new.next(database_now(conn).await?)?;
    sqlx::query_as!(
        ScheduleView,
        "insert into queue.schedules
                (schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap, paused, next_tick)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         returning schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap, paused,
                   last_tick, next_tick, created_at, updated_at",
        Uuid::now_v7(),
        new.name,
        new.cron,
        new.time_zone,
        new.queue,
        new.kind,
        new.payload,
        new.misfire,
        new.overlap,
        new.paused,
        next,
    )
    .fetch_one(conn)
    .await
    .map_err(|error| new.refused(error))
}

/// Replaces what a schedule consists of; it goes on with the next tick from now. `None` when
/// there is none.
pub async fn update_schedule(
    conn: &mut PgConnection,
    schedule_id: Uuid,
    new: &NewSchedule,
) -> Result<Option<ScheduleView>, ScheduleError> {
    let next = new.next(database_now(conn).await?)?;
    sqlx::query_as!(
        ScheduleView,
        "update queue.schedules
            set name = $2, cron = $3, time_zone = $4, queue = $5, kind = $6, payload = $7, misfire = $8,
                overlap = $9, paused = $10, next_tick = $11, updated_at = clock_timestamp()
          where schedule_id = $1
         returning schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap, paused,
                   last_tick, next_tick, created_at, updated_at",
        schedule_id,
        new.name,
        new.cron,
        new.time_zone,
        new.queue,
        new.kind,
        new.payload,
        new.misfire,
        new.overlap,
        new.paused,
        next,
    )
    .fetch_optional(conn)
    .await
    .map_err(|error| new.refused(error))
}

/// Pauses or resumes a schedule. The ticks of a pause are not made up for.
pub async fn pause_schedule(
    conn: &mut PgConnection,
    schedule: &ScheduleView,
    paused: bool,
) -> Result<Option<ScheduleView>, ScheduleError> {
    let now = database_now(conn).await?;
    let next = next_tick(&schedule.cron, &schedule.time_zone, now)?;
    let changed = sqlx::query_as!(
        ScheduleView,
        "update queue.schedules
            set paused = $2, next_tick = $3, updated_at = clock_timestamp()
          where schedule_id = $1
         returning schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap, paused,
                   last_tick, next_tick, created_at, updated_at",
        schedule.schedule_id,
        paused,
        next,
    )
    .fetch_optional(conn)
    .await?;
    Ok(changed)
}

/// Deletes a schedule; `None` when there is none. The jobs that it has enqueued stay.
pub async fn delete_schedule(
    conn: &mut PgConnection,
    schedule_id: Uuid,
) -> sqlx::Result<Option<ScheduleView>> {
    sqlx::query_as!(
        ScheduleView,
        "delete from queue.schedules
          where schedule_id = $1
         returning schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap, paused,
                   last_tick, next_tick, created_at, updated_at",
        schedule_id,
    )
    .fetch_optional(conn)
    .await
}

/// Enqueues a schedule's job now, whatever its clock says. While an earlier triggering is
/// unfinished, its job stands for this one.
pub async fn trigger_schedule(
    conn: &mut PgConnection,
    schedule: &ScheduleView,
    trace_id: Option<&str>,
) -> sqlx::Result<Enqueued> {
    let label = format!("schedule:{}", schedule.schedule_id);
    let job = RawJob {
        queue: schedule.queue.clone(),
        kind: schedule.kind.clone(),
        payload: schedule.payload.clone(),
        priority: 0,
        unique_key: Some(format!("{label}:triggered")),
        fifo_key: None,
        limit_key: None,
    };
    let mut options = Enqueue::default().tag(label);
    if let Some(trace_id) = trace_id {
        options = options.trace_id(trace_id);
    }
    enqueue::insert(conn, job, options).await.map_err(|error| match error {
        EnqueueError::Database(error) => error,
        other => sqlx::Error::Protocol(other.to_string()),
    })
}

async fn database_now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(conn).await
}
