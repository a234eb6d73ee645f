//! Who works and who leads, what fails, and how the database bears it.

use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::queue::inspect::{self, DatabaseHealth, ErrorGroup, LeaderView, WorkerView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::optional;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{
        May, Query,
        may::{AdminRead, SystemRead},
    },
    state::AppState,
    timestamp::text,
};

/// A worker process.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkerItem {
    id: Uuid,
    host: String,
    pid: i32,
    build: String,
    /// Slots by queue, by its own settings.
    #[schema(value_type = Object)]
    queues: Value,
    kinds: Vec<String>,
    started_at: String,
    seen_at: String,
    stopping: bool,
    /// Seen within half a minute.
    live: bool,
    /// Jobs that it holds.
    running: i64,
}

impl From<WorkerView> for WorkerItem {
    fn from(worker: WorkerView) -> Self {
        Self {
            id: worker.worker_id,
            host: worker.host,
            pid: worker.pid,
            build: worker.build,
            queues: worker.queues,
            kinds: worker.kinds,
            started_at: text(worker.started_at),
            seen_at: text(worker.seen_at),
            stopping: worker.stopping,
            live: worker.live,
            running: worker.running,
        }
    }
}

/// Lists the worker processes of the last day, live ones first.
#[utoipa::path(
    get, path = "/api/admin/workers", tag = "admin", operation_id = "workers",
    responses((status = 200, body = [WorkerItem]), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn workers(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<WorkerItem>>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(inspect::workers(&mut conn).await?.into_iter().map(Into::into).collect()))
}

/// Who leads a role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeaderItem {
    role: String,
    /// Raised at every take-over.
    term: i64,
    /// The worker.
    holder: Uuid,
    since: String,
    host: Option<String>,
    pid: Option<i32>,
    /// Seen within half a minute.
    live: bool,
}

impl From<LeaderView> for LeaderItem {
    fn from(leader: LeaderView) -> Self {
        let LeaderView { role, term, holder, since, host, pid, live } = leader;
        Self { role, term, holder, since: text(since), host, pid, live }
    }
}

/// Lists who leads each role.
#[utoipa::path(
    get, path = "/api/admin/leader", tag = "admin", operation_id = "leader",
    responses((status = 200, body = [LeaderItem]), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn leader(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<LeaderItem>>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(inspect::leaders(&mut conn).await?.into_iter().map(Into::into).collect()))
}

/// Which errors to show.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ErrorsQuery {
    /// Failures at this time or later; a day ago unless given.
    since: Option<DateTime<Utc>>,
    /// Most groups of the reply, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// Failures that differ in numbers at most.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorItem {
    /// For the filter `error` of `/api/admin/jobs`.
    fingerprint: String,
    error_class: Option<String>,
    count: i64,
    /// How many jobs they befell.
    jobs: i64,
    first_seen: String,
    last_seen: String,
    kinds: Vec<String>,
    /// The latest message.
    sample: Option<String>,
    /// The latest job.
    sample_job_id: Uuid,
}

impl From<ErrorGroup> for ErrorItem {
    fn from(group: ErrorGroup) -> Self {
        Self {
            fingerprint: group.fingerprint,
            error_class: group.error_class,
            count: group.count,
            jobs: group.jobs,
            first_seen: text(group.first_seen),
            last_seen: text(group.last_seen),
            kinds: group.kinds,
            sample: group.sample,
            sample_job_id: group.sample_job_id,
        }
    }
}

/// The errors of a time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Errors {
    since: String,
    /// The most frequent first.
    groups: Vec<ErrorItem>,
    /// Only the latest 10,000 failures were counted.
    approximate: bool,
}

/// Groups failed attempts and discarded jobs by what went wrong.
#[utoipa::path(
    get, path = "/api/admin/errors", tag = "admin", params(ErrorsQuery), operation_id = "errors",
    responses((status = 200, body = Errors), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn errors(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Query(query): Query<ErrorsQuery>,
) -> ApiResult<Json<Errors>> {
    let since = query.since.unwrap_or_else(|| Utc::now() - TimeDelta::days(1));
    let limit = query.limit.unwrap_or(100);
    if !(1..=500).contains(&limit) {
        let message = format!("limit must be between 1 and 500, not {limit}");
        return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
    }
    let mut conn = state.pool.acquire().await?;
    let report = inspect::errors(&mut conn, since, limit).await?;
    Ok(Json(Errors {
        since: text(since),
        groups: report.groups.into_iter().map(Into::into).collect(),
        approximate: report.approximate,
    }))
}

/// The database as the queue feels it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Database {
    size_bytes: i64,
    connections: i64,
    max_connections: i32,
    /// Share of the notification queue in use, 0 to 1.
    notify_queue: f64,
    /// Age of the oldest snapshot that holds vacuum back, in transactions.
    oldest_xmin_age: Option<i64>,
    /// Since when the oldest open transaction is open.
    oldest_transaction: Option<String>,
    /// The queue's tables, partitions summed up, largest first.
    tables: Vec<TableItem>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TableItem {
    table: String,
    size_bytes: i64,
    live_tuples: i64,
    dead_tuples: i64,
    last_vacuum: Option<String>,
}

impl From<DatabaseHealth> for Database {
    fn from(health: DatabaseHealth) -> Self {
        let tables = health.tables.into_iter().map(|table| TableItem {
            table: table.table,
            size_bytes: table.size_bytes,
            live_tuples: table.live_tuples,
            dead_tuples: table.dead_tuples,
            last_vacuum: optional(table.last_vacuum),
        });
        Self {
            size_bytes: health.size_bytes,
            connections: health.connections,
            max_connections: health.max_connections,
            notify_queue: health.notify_queue,
            oldest_xmin_age: health.oldest_xmin_age,
            oldest_transaction: optional(health.oldest_transaction),
            tables: tables.collect(),
        }
    }
}

/// Says how the database bears the queue: size, dead rows, old snapshots, connections.
#[utoipa::path(
    get, path = "/api/admin/database", tag = "admin", operation_id = "database",
    responses((status = 200, body = Database), (status = 403, description = "Needs `system:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn database(
    _operator: May<SystemRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Database>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(inspect::database(&mut conn).await?.into()))
}
