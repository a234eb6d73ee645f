//! Jobs and their surroundings as operators read them.

use chrono::{DateTime, Utc};
use jobs::queue::inspect::{AttemptView, Count, JobRow, JobView, Links, LogLine, Reason, Step};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::timestamp::text;

pub(super) fn optional(time: Option<DateTime<Utc>>) -> Option<String> {
    time.map(text)
}

/// A number of rows: exact up to 10,000, marked above.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
#[schema(example = json!({"count": 17, "approximate": false}))]
pub(super) struct CountView {
    count: i64,
    /// There are more than were counted, or this is an estimate.
    approximate: bool,
}

impl From<Count> for CountView {
    fn from(count: Count) -> Self {
        Self { count: count.count, approximate: count.approximate }
    }
}

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobItem {
    id: Uuid,
    queue: String,
    kind: String,
    /// scheduled, blocked, available, running, retryable, indeterminate, quarantined,
    /// completed, cancelled or discarded.
    state: String,
    /// Lower runs first.
    priority: i16,
    attempt: i32,
    failures: i32,
    crashes: i32,
    run_at: String,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    worker_id: Option<Uuid>,
    /// Of a hundred.
    progress: Option<i16>,
    progress_note: Option<String>,
    tags: Vec<String>,
    trace_id: Option<String>,
    last_error: Option<String>,
    #[schema(value_type = Object)]
    payload: Value,
}

impl From<JobRow> for JobItem {
    fn from(job: JobRow) -> Self {
        Self {
            id: job.job_id,
            queue: job.queue,
            kind: job.kind,
            state: job.state,
            priority: job.priority,
            attempt: job.attempt,
            failures: job.failures,
            crashes: job.crashes,
            run_at: text(job.run_at),
            created_at: text(job.created_at),
            started_at: optional(job.started_at),
            finished_at: optional(job.finished_at),
            worker_id: job.worker_id,
            progress: job.progress,
            progress_note: job.progress_note,
            tags: job.tags.unwrap_or_default(),
            trace_id: job.trace_id,
            last_error: job.last_error,
            payload: job.payload,
        }
    }
}

/// An attempt that has ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptItem {
    attempt: i32,
    worker_id: Option<Uuid>,
    started_at: Option<String>,
    ended_at: String,
    outcome: String,
    error_class: Option<String>,
    message: Option<String>,
    /// Names the error in `/api/admin/errors`.
    fingerprint: Option<String>,
    /// The version that its worker ran.
    build: Option<String>,
}

impl From<AttemptView> for AttemptItem {
    fn from(attempt: AttemptView) -> Self {
        Self {
            attempt: attempt.attempt,
            worker_id: attempt.worker_id,
            started_at: optional(attempt.started_at),
            ended_at: text(attempt.ended_at),
            outcome: attempt.outcome,
            error_class: attempt.error_class,
            message: attempt.message,
            fingerprint: attempt.fingerprint,
            build: attempt.build,
        }
    }
}

/// A line that the handler noted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogItem {
    seq: i32,
    attempt: i32,
    at: String,
    level: String,
    message: String,
}

impl From<LogLine> for LogItem {
    fn from(line: LogLine) -> Self {
        let LogLine { seq, attempt, at, level, message } = line;
        Self { seq, attempt, at: text(at), level, message }
    }
}

/// A durable step that was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepItem {
    name: String,
    attempt: i32,
    #[schema(value_type = Object)]
    output: Value,
    created_at: String,
}

impl From<Step> for StepItem {
    fn from(step: Step) -> Self {
        let Step { name, attempt, output, created_at } = step;
        Self { name, attempt, output, created_at: text(created_at) }
    }
}

/// One thing that holds a job where it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "code": "PAUSED", "text": "queue \"orders\" is paused: the broker is down", "until": null, "jobs": []
}))]
pub(super) struct ReasonItem {
    /// FINISHED, RUNNING, LEASE_EXPIRED, CANCEL_REQUESTED, SCHEDULED, BACKOFF, QUARANTINED,
    /// INDETERMINATE, EXPIRED, WAITS_FOR, FIFO_BLOCKED, LIMIT_HELD, RATE_LIMITED, PAUSED,
    /// UNKNOWN_KIND, UNSERVED_QUEUE, UNIQUE_BLOCKED, ADMITTED_SOON or IN_LINE.
    code: &'static str,
    /// For people.
    text: String,
    /// When it passes by itself, if that is known.
    until: Option<String>,
    /// The jobs in the way.
    jobs: Vec<Uuid>,
}

impl From<Reason> for ReasonItem {
    fn from(reason: Reason) -> Self {
        let Reason { code, text, until, jobs } = reason;
        Self { code, text, until: optional(until), jobs }
    }
}

/// A job with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobDetail {
    #[serde(flatten)]
    job: JobItem,
    /// What a completed job returned.
    #[schema(value_type = Option<Object>)]
    output: Option<Value>,
    /// Failures after which it is discarded, when it has a limit of its own.
    max_failures: Option<i32>,
    /// Looks at its effect, while that is in doubt and its kind can look.
    probes: Option<i32>,
    not_after: Option<String>,
    lease_expires_at: Option<String>,
    cancel_requested_at: Option<String>,
    cancel_reason: Option<String>,
    unique_key: Option<String>,
    fifo_key: Option<String>,
    limit_key: Option<String>,
    /// The finished job that this one repeats.
    retry_of: Option<Uuid>,
    /// The job that repeats this one.
    retried_as: Option<Uuid>,
    /// The job that this one was forked from.
    forked_from: Option<Uuid>,
    /// The first step that the fork did itself; null: all of them.
    from_step: Option<String>,
    /// The jobs that were forked from this one.
    forks: Vec<Uuid>,
    /// Unfinished jobs that this one waits for.
    waits_for: Vec<Uuid>,
    /// Jobs that wait for this one.
    awaited_by: Vec<Uuid>,
    /// Those that have ended, oldest first.
    attempts: Vec<AttemptItem>,
    logs: Vec<LogItem>,
    steps: Vec<StepItem>,
    /// Why it is not running, or where it runs.
    why: Vec<ReasonItem>,
}

/// The rows that a detail is made of.
pub(super) struct Parts {
    pub(super) job: JobView,
    pub(super) links: Links,
    pub(super) attempts: Vec<AttemptView>,
    pub(super) logs: Vec<LogLine>,
    pub(super) steps: Vec<Step>,
    pub(super) why: Vec<Reason>,
}

impl From<Parts> for JobDetail {
    fn from(parts: Parts) -> Self {
        let Parts { job, links, attempts, logs, steps, why } = parts;
        Self {
            output: job.output.clone(),
            max_failures: job.max_failures,
            probes: job.probes,
            not_after: optional(job.not_after),
            lease_expires_at: optional(job.lease_expires_at),
            cancel_requested_at: optional(job.cancel_requested_at),
            cancel_reason: job.cancel_reason.clone(),
            unique_key: job.unique_key.clone(),
            fifo_key: job.fifo_key.clone(),
            limit_key: job.limit_key.clone(),
            job: item(job),
            retry_of: links.retry_of,
            retried_as: links.retried_as,
            forked_from: links.forked_from,
            from_step: links.from_step,
            forks: links.forks,
            waits_for: links.waits_for,
            awaited_by: links.awaited_by,
            attempts: attempts.into_iter().map(Into::into).collect(),
            logs: logs.into_iter().map(Into::into).collect(),
            steps: steps.into_iter().map(Into::into).collect(),
            why: why.into_iter().map(Into::into).collect(),
        }
    }
}

/// Returns a job as a list shows it.
pub(super) fn item(job: JobView) -> JobItem {
    JobItem {
        id: job.job_id,
        queue: job.queue,
        kind: job.kind,
        state: job.state,
        priority: job.priority,
        attempt: job.attempt,
        failures: job.failures,
        crashes: job.crashes,
        run_at: text(job.run_at),
        created_at: text(job.created_at),
        started_at: optional(job.started_at),
        finished_at: optional(job.finished_at),
        worker_id: job.worker_id,
        progress: job.progress,
        progress_note: job.progress_note,
        tags: job.tags.unwrap_or_default(),
        trace_id: job.trace_id,
        last_error: job.last_error,
        payload: job.payload,
    }
}
