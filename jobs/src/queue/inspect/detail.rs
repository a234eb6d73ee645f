//! What hangs on one job: its log, its steps, its relatives.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A line that a handler noted.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct LogLine {
    pub seq: i32,
    pub attempt: i32,
    pub at: DateTime<Utc>,
    pub level: String,
    pub message: String,
}

/// The recorded result of a durable step.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Step {
    pub name: String,
    pub attempt: i32,
    pub output: Value,
    pub created_at: DateTime<Utc>,
}

/// Jobs that this one has to do with.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// The finished job that this one repeats.
    pub retry_of: Option<Uuid>,
    /// The job that repeats this one.
    pub retried_as: Option<Uuid>,
    /// The job that this one was forked from.
    pub forked_from: Option<Uuid>,
    /// The first step that the fork does itself; `None`: all of them.
    pub from_step: Option<String>,
    /// The jobs that were forked from this one.
    pub forks: Vec<Uuid>,
    /// Unfinished jobs that this one waits for.
    pub waits_for: Vec<Uuid>,
    /// Jobs that wait for this one.
    pub awaited_by: Vec<Uuid>,
}

/// Returns a job's log, oldest first, at most `limit` lines.
pub async fn logs(conn: &mut PgConnection, job_id: Uuid, limit: i64) -> sqlx::Result<Vec<LogLine>> {
    sqlx::query_as!(
        LogLine,
        "select seq, attempt, at, level, message from queue.logs where job_id = $1 order by seq limit $2",
        job_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns a job's steps in the order in which they were done.
pub async fn steps(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Vec<Step>> {
    sqlx::query_as!(
        Step,
        "select name, attempt, output, created_at from queue.steps where job_id = $1 order by created_at, name",
        job_id
    )
    .fetch_all(conn)
    .await
}

/// Returns a job's relatives, at most a hundred of each kind.
pub async fn links(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Links> {
    let row = sqlx::query!(
        r#"select (select job_id from queue.retries where retry_id = $1) as retry_of,
                  (select retry_id from queue.retries where job_id = $1) as retried_as,
                  (select job_id from queue.forks where fork_id = $1) as forked_from,
                  (select from_step from queue.forks where fork_id = $1) as from_step,
                  array(select fork_id from queue.forks where job_id = $1 order by 1 limit 100) as "forks!",
                  array(select d.depends_on
                          from queue.dependencies d
                          join queue.jobs u on u.job_id = d.depends_on
                         where d.job_id = $1
                         order by 1
                         limit 100) as "waits_for!",
                  array(select d.job_id
                          from queue.dependencies d
                          join queue.jobs w on w.job_id = d.job_id
                         where d.depends_on = $1
                         order by 1
                         limit 100) as "awaited_by!""#,
        job_id
    )
    .fetch_one(conn)
    .await?;
    Ok(Links {
        retry_of: row.retry_of,
        retried_as: row.retried_as,
        forked_from: row.forked_from,
        from_step: row.from_step,
        forks: row.forks,
        waits_for: row.waits_for,
        awaited_by: row.awaited_by,
    })
}
