//! One job and its attempts.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A job as it stands, finished or not.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct JobView {
    pub job_id: Uuid,
    pub queue: String,
    pub kind: String,
    pub payload: Value,
    pub state: String,
    pub priority: i16,
    pub attempt: i32,
    pub failures: i32,
    pub crashes: i32,
    /// Looks at its effect, while that is in doubt; its kind can't look when there are none.
    pub probes: Option<i32>,
    pub max_failures: Option<i32>,
    pub run_at: DateTime<Utc>,
    pub not_after: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub worker_id: Option<Uuid>,
    pub lease_expires_at: Option<DateTime<Utc>>,
    pub cancel_requested_at: Option<DateTime<Utc>>,
    pub cancel_reason: Option<String>,
    pub progress: Option<i16>,
    pub progress_note: Option<String>,
    pub unique_key: Option<String>,
    pub fifo_key: Option<String>,
    pub limit_key: Option<String>,
    pub tags: Option<Vec<String>>,
    pub trace_id: Option<String>,
    pub last_error: Option<String>,
    pub output: Option<Value>,
}

/// One attempt of a job that has ended.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct AttemptView {
    pub attempt: i32,
    pub worker_id: Option<Uuid>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: DateTime<Utc>,
    pub outcome: String,
    pub error_class: Option<String>,
    pub message: Option<String>,
    pub fingerprint: Option<String>,
    /// What its worker ran.
    pub build: Option<String>,
}

/// Returns a job, wherever it is.
pub async fn job(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Option<JobView>> {
    sqlx::query_as!(
        JobView,
        r#"select job_id as "job_id!", queue as "queue!", kind as "kind!", payload as "payload!",
                  state::text as "state!", priority as "priority!", attempt as "attempt!",
                  failures as "failures!", crashes as "crashes!", probes, max_failures,
                  run_at as "run_at!", not_after,
                  created_at as "created_at!", started_at, null::timestamptz as finished_at,
                  worker_id, lease_expires_at, cancel_requested_at, cancel_reason, progress,
                  progress_note, unique_key, fifo_key, limit_key, tags, trace_id, last_error,
                  null::jsonb as output
             from queue.jobs
            where job_id = $1
            union all
           select job_id, queue, kind, payload, state::text, priority, attempt, failures, crashes,
                  null, max_failures, run_at, null, created_at, started_at, finished_at, worker_id, null, null, null,
                  progress, progress_note, unique_key, fifo_key, limit_key, tags, trace_id,
                  last_error, output
             from queue.finished
            where job_id = $1
            limit 1"#,
        job_id
    )
    .fetch_optional(conn)
    .await
}

/// Returns the ended attempts of a job, oldest first.
pub async fn attempts(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Vec<AttemptView>> {
    sqlx::query_as!(
        AttemptView,
        r#"select attempt as "attempt!", worker_id, started_at, ended_at as "ended_at!",
                  outcome as "outcome!", error_class, message, fingerprint, build
             from queue.attempt_history
            where job_id = $1
            order by attempt, ended_at"#,
        job_id
    )
    .fetch_all(conn)
    .await
}
