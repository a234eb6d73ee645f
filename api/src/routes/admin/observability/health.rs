//! How the queue, this process, agents and analysts are doing.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use axum::{Json, extract::State};
use chrono::Utc;
use jobs::{
    db::{
        audit_trail,
        llm::{self, LlmStats},
    },
    queue::inspect::{self, COUNT_CAP, Tally},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::{orchestrator::OrchestratorHealth, work_items::is_approximate};
use crate::{
    error::ApiResult,
    extract::{May, may::AdminRead},
    state::AppState,
    timestamp,
};

const HOUR: Duration = Duration::from_hours(1);

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Begins to count the uptime.
pub(super) fn note_start() {
    LazyLock::force(&STARTED);
}

/// The queue in older clients' words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QueueHealth {
    pending: i64,
    running: i64,
    succeeded: i64,
    failed: i64,
    dead_letter: i64,
    oldest_pending_age_minutes: Option<i64>,
    /// Some number is higher than 10,000, where counting ends.
    approximate: bool,
}

impl From<&Tally> for QueueHealth {
    fn from(tally: &Tally) -> Self {
        Self {
            pending: tally.pending.count,
            running: tally.running.count,
            succeeded: tally.succeeded.count,
            failed: tally.failed.count,
            dead_letter: tally.dead.count,
            oldest_pending_age_minutes: tally
                .oldest_pending
                .map(|since| (Utc::now() - since).num_minutes().max(0)),
            approximate: is_approximate(tally),
        }
    }
}

/// Calls that were made to language models.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the contract's names")]
#[serde(rename_all = "camelCase")]
struct Calls {
    calls: i64,
    /// Those without an answer, or without a valid one.
    errors: i64,
    /// Whole percent.
    error_rate: String,
}

impl From<LlmStats> for Calls {
    fn from(stats: LlmStats) -> Self {
        let errors: i64 = stats.models.iter().map(|model| model.invalid + model.failed).sum();
        let calls = errors + stats.models.iter().map(|model| model.ok).sum::<i64>();
        let percent = (100 * errors).checked_div(calls).unwrap_or_default();
        Self { calls, errors, error_rate: format!("{percent}%") }
    }
}

/// Calls of the last hour and day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LlmHealth {
    last_hour: Calls,
    #[serde(rename = "last24Hours")]
    last_24_hours: Calls,
}

/// How everything is doing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    queue: QueueHealth,
    orchestrator: OrchestratorHealth,
    llm: LlmHealth,
    fetched_at: String,
    /// Where each part comes from.
    #[schema(value_type = Object)]
    sources: Value,
}

/// Says how the queue, all users' agents and language models are doing.
#[utoipa::path(
    get, path = "/api/admin/observability/health", tag = "admin", operation_id = "observability_health",
    responses((status = 200, body = Health), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn health(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Health>> {
    let mut conn = state.pool.acquire().await?;
    let tally = inspect::tally(&mut conn).await?;
    Ok(Json(Health {
        queue: (&tally).into(),
        orchestrator: OrchestratorHealth::read(&mut conn).await?,
        llm: LlmHealth {
            last_hour: llm::stats(&mut conn, HOUR).await?.into(),
            last_24_hours: llm::stats(&mut conn, 24 * HOUR).await?.into(),
        },
        fetched_at: timestamp::now(),
        sources: json!({ "queue": "database", "orchestrator": "database", "llm": "database" }),
    }))
}

/// This process.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct System {
    #[serde(rename = "memoryUsedMB")]
    memory_used_mb: Option<i64>,
    #[serde(rename = "memoryTotalMB")]
    memory_total_mb: Option<i64>,
    uptime_hours: f64,
    /// Name and version of what serves: the old name of the field.
    node_version: &'static str,
}

/// The queue's numbers.
#[derive(Debug, Serialize, ToSchema)]
struct WorkQueue {
    pending: i64,
    running: i64,
    /// Failed or dead.
    failed: i64,
    completed: i64,
}

/// What people changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Activity {
    #[serde(rename = "logsLast24h")]
    logs_last_24h: i64,
    total_recent_logs: i64,
}

/// Figures of this process and the queue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    system: System,
    work_queue: WorkQueue,
    activity: Activity,
    timestamp: String,
}

/// Returns figures of this process and the queue.
#[utoipa::path(
    get, path = "/api/admin/observability/metrics", tag = "admin", operation_id = "observability_metrics",
    responses((status = 200, body = Figures), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn metrics(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Figures>> {
    let mut conn = state.pool.acquire().await?;
    let tally = inspect::tally(&mut conn).await?;
    let activity = Activity {
        logs_last_24h: audit_trail::within(&mut conn, 24, COUNT_CAP).await?,
        total_recent_logs: audit_trail::within(&mut conn, 24 * 7, COUNT_CAP).await?,
    };
    drop(conn);
    let kilobytes = async |file: &str, field: &str| {
        let text = tokio::fs::read_to_string(file).await.ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().next()?.parse::<i64>().ok()
    };
    Ok(Json(Figures {
        system: System {
            memory_used_mb: kilobytes("/proc/self/status", "VmRSS:").await.map(|kb| kb / 1024),
            memory_total_mb: kilobytes("/proc/meminfo", "MemTotal:").await.map(|kb| kb / 1024),
            uptime_hours: (STARTED.elapsed().as_secs_f64() / 36.0).round() / 100.0,
            node_version: concat!("capstan ", env!("CARGO_PKG_VERSION")),
        },
        work_queue: WorkQueue {
            pending: tally.pending.count,
            running: tally.running.count,
            failed: tally.failed.count + tally.dead.count,
            completed: tally.succeeded.count,
        },
        activity,
        timestamp: timestamp::now(),
    }))
}

/// What the queue got done lately.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    work_queue: WorkQueue,
    /// Jobs finished within the last five minutes, over five.
    throughput_per_minute: f64,
    /// Discarded ones of those finished within the last five minutes, 0 to 1; null without any.
    failure_rate: Option<f64>,
    live_workers: i64,
    /// Some number is higher than 10,000, where counting ends.
    approximate: bool,
    timestamp: String,
}

/// Sums the queue up.
#[utoipa::path(
    get, path = "/api/admin/observability/metrics/summary", tag = "admin",
    operation_id = "observability_summary",
    responses((status = 200, body = Summary), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn summary(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Summary>> {
    let mut conn = state.pool.acquire().await?;
    let tally = inspect::tally(&mut conn).await?;
    let queues = inspect::queues(&mut conn, &[]).await?;
    let workers = inspect::workers(&mut conn).await?;
    let finished: i64 = queues.iter().map(|queue| queue.finished[1].count).sum();
    let discarded: i64 = queues.iter().map(|queue| queue.discarded.count).sum();
    Ok(Json(Summary {
        work_queue: WorkQueue {
            pending: tally.pending.count,
            running: tally.running.count,
            failed: tally.failed.count + tally.dead.count,
            completed: tally.succeeded.count,
        },
        throughput_per_minute: finished as f64 / 5.0,
        failure_rate: (finished > 0).then(|| discarded as f64 / finished as f64),
        live_workers: i64::try_from(workers.iter().filter(|worker| worker.live).count()).unwrap_or(i64::MAX),
        approximate: is_approximate(&tally) || queues.iter().any(|queue| queue.finished[1].approximate),
        timestamp: timestamp::now(),
    }))
}
