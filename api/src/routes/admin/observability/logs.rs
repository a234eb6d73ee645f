//! The audit log, and everything of one trace.

use axum::{Json, extract::State};
use chrono::{TimeDelta, Utc};
use jobs::{
    db::audit_trail::{self, AuditRow},
    queue::inspect::{self, Filter},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::work_items::WorkItem;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{May, Name, Query, may::AdminRead},
    state::AppState,
    timestamp,
};

/// How far back a trace is looked for.
const TRACE_DAYS: i64 = 7;
/// Most rows of a trace.
const TRACE_ROWS: i64 = 200;

/// Which changes to show.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct LogsQuery {
    /// Most rows, 1 to 500; 100 unless given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Rows to leave out at the start, 0 to 100,000.
    #[param(minimum = 0, maximum = 100_000)]
    offset: Option<i64>,
    /// All rows are of the level `info`: another level shows none.
    level: Option<String>,
}

/// A recorded change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct LogRow {
    id: i64,
    timestamp: String,
    level: &'static str,
    /// For people.
    message: String,
    action: String,
    resource: String,
    resource_id: Option<String>,
    user_id: Option<Uuid>,
    username: Option<String>,
    reason: Option<String>,
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    trace_id: Option<String>,
}

impl From<AuditRow> for LogRow {
    fn from(row: AuditRow) -> Self {
        let by = row.username.as_deref().unwrap_or("the system or an API key");
        let of = row.resource_id.as_deref().unwrap_or("");
        Self {
            id: row.audit_id,
            timestamp: timestamp::text(row.recorded_at),
            level: "info",
            message: format!("{by}: {} {} {of}", row.action, row.resource).trim_end().to_owned(),
            action: row.action,
            resource: row.resource,
            resource_id: row.resource_id,
            user_id: row.actor_id,
            username: row.username,
            reason: row.reason,
            before: row.before,
            after: row.after,
            trace_id: row.trace_id,
        }
    }
}

/// Recorded changes, latest first.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the contract's names")]
pub(in super::super) struct Logs {
    logs: Vec<LogRow>,
    /// How many `logs` there are.
    count: usize,
    offset: i64,
}

/// Returns recorded changes, latest first.
#[utoipa::path(
    get, path = "/api/admin/observability/logs", tag = "admin", params(LogsQuery),
    operation_id = "observability_logs",
    responses((status = 200, body = Logs), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn logs(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Query(query): Query<LogsQuery>,
) -> ApiResult<Json<Logs>> {
    let (limit, offset) = (query.limit.unwrap_or(100), query.offset.unwrap_or(0));
    if !(1..=500).contains(&limit) || !(0..=100_000).contains(&offset) {
        let message = format!("limit {limit} or offset {offset} is out of range");
        return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
    }
    let level = query.level.filter(|level| !matches!(level.as_str(), "" | "all" | "info"));
    let rows = if level.is_some() {
        Vec::new()
    } else {
        let mut conn = state.pool.acquire().await?;
        audit_trail::latest(&mut conn, None, limit, offset).await?
    };
    let logs: Vec<LogRow> = rows.into_iter().map(Into::into).collect();
    Ok(Json(Logs { count: logs.len(), logs, offset }))
}

/// What a request set in motion.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the contract's names")]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Trace {
    trace_id: String,
    work_items: Vec<WorkItem>,
    logs: Vec<LogRow>,
}

/// Returns the jobs of the last seven days and the recorded changes of one trace.
#[utoipa::path(
    get, path = "/api/admin/observability/trace/{traceId}", tag = "admin",
    params(("traceId" = String, Path)), operation_id = "observability_trace",
    responses((status = 200, body = Trace), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn trace(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Name(trace_id): Name,
) -> ApiResult<Json<Trace>> {
    let filter = Filter {
        trace_id: Some(trace_id.clone()),
        since: Some(Utc::now() - TimeDelta::days(TRACE_DAYS)),
        ..Filter::default()
    };
    let mut conn = state.pool.acquire().await?;
    let jobs = inspect::list(&mut conn, &filter, None, TRACE_ROWS).await?;
    let logs = audit_trail::latest(&mut conn, Some(&trace_id), TRACE_ROWS, 0).await?;
    Ok(Json(Trace {
        trace_id,
        work_items: jobs.into_iter().map(WorkItem::new).collect(),
        logs: logs.into_iter().map(Into::into).collect(),
    }))
}
