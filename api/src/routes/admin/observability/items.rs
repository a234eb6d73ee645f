//! The queue by its items.

use axum::{Json, extract::State};
use jobs::queue::inspect::{self, AttemptView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{
    view::optional,
    work_items::{self, Said, WorkItem, WorkItems, WorkItemsQuery},
};
use crate::{
    error::{ApiError, ApiResult},
    extract::{
        Body, Id, May, Query,
        may::{AdminDanger, AdminRead, AdminWrite},
    },
    state::AppState,
    timestamp::text,
};

/// Lists work items, as `/api/admin/work-items` does.
#[utoipa::path(
    get, path = "/api/admin/observability/work-queue/items", tag = "admin", params(WorkItemsQuery),
    operation_id = "work_queue_items",
    responses((status = 200, body = WorkItems), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn list(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Query(query): Query<WorkItemsQuery>,
) -> ApiResult<Json<WorkItems>> {
    let mut conn = state.pool.acquire().await?;
    query.answer(&mut conn).await.map(Json)
}

/// An attempt that has ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Run {
    attempt_number: i32,
    started_at: Option<String>,
    completed_at: String,
    status: String,
    error: Option<String>,
    duration_ms: Option<i64>,
}

impl From<AttemptView> for Run {
    fn from(attempt: AttemptView) -> Self {
        Self {
            attempt_number: attempt.attempt,
            started_at: optional(attempt.started_at),
            completed_at: text(attempt.ended_at),
            status: attempt.outcome,
            error: attempt.message,
            duration_ms: attempt.started_at.map(|at| (attempt.ended_at - at).num_milliseconds().max(0)),
        }
    }
}

/// A work item and its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ItemAndRuns {
    item: WorkItem,
    /// Oldest first.
    runs: Vec<Run>,
}

/// Returns a work item and its attempts.
#[utoipa::path(
    get, path = "/api/admin/observability/work-queue/items/{id}", tag = "admin",
    params(("id" = Uuid, Path)), operation_id = "work_queue_item",
    responses((status = 200, body = ItemAndRuns), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn one(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Json<ItemAndRuns>> {
    let mut conn = state.pool.acquire().await?;
    let job = inspect::job(&mut conn, id).await?.ok_or_else(|| ApiError::not_found("work item"))?;
    let runs = inspect::attempts(&mut conn, id).await?;
    Ok(Json(ItemAndRuns { item: WorkItem::of_view(job), runs: runs.into_iter().map(Into::into).collect() }))
}

/// Why, if somebody says so.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(in super::super) struct Because {
    /// At most 500 characters.
    reason: Option<String>,
}

/// Retries a work item that is DEAD_LETTER or FAILED.
#[utoipa::path(
    post, path = "/api/admin/observability/work-queue/items/{id}/retry", tag = "admin",
    params(("id" = Uuid, Path)), request_body = Because, operation_id = "work_queue_item_retry",
    responses((status = 200, body = Said), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn retry(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Because>,
) -> ApiResult<Json<Said>> {
    work_items::retry_item(&state, &operator, id, body.reason.as_deref()).await
}

/// Cancels a work item.
#[utoipa::path(
    post, path = "/api/admin/observability/work-queue/items/{id}/cancel", tag = "admin",
    params(("id" = Uuid, Path)), request_body = Because, operation_id = "work_queue_item_cancel",
    responses((status = 200, body = Said), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn cancel(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Because>,
) -> ApiResult<Json<Said>> {
    work_items::cancel_item(&state, &operator, id, body.reason.as_deref()).await
}

/// Discards a waiting work item.
#[utoipa::path(
    post, path = "/api/admin/observability/work-queue/items/{id}/dead-letter", tag = "admin",
    params(("id" = Uuid, Path)), request_body = Because, operation_id = "work_queue_item_dead_letter",
    responses((status = 200, body = Said), (status = 403, description = "Needs `admin:danger`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(in super::super) async fn dead_letter(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Because>,
) -> ApiResult<Json<Said>> {
    work_items::dead_letter_item(&state, &operator, id, body.reason.as_deref()).await
}
