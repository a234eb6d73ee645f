//! Looking at jobs.

use axum::{Json, extract::State};
use jobs::queue::inspect;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    selection::{Selection, SelectionQuery},
    view::{JobDetail, JobItem, Parts, ReasonItem},
};
use crate::{
    error::{ApiError, ApiResult},
    extract::{Id, May, may::AdminRead},
    pagination::{Page, PageQuery, Paged},
    state::AppState,
};

/// Log lines that a detail shows.
const LOG_LINES: i64 = 1000;

/// Lists jobs, waiting, running and finished, newest first.
#[utoipa::path(
    get, path = "/api/admin/jobs", tag = "admin", params(SelectionQuery, PageQuery),
    operation_id = "jobs",
    responses(
        (
            status = 200, body = [JobItem],
            headers(("X-Next-Cursor" = String, description = "Where the next page starts, if there is one."))
        ),
        (status = 403, description = "Needs `admin:read`."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn list(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    page: Page,
    Selection(filter): Selection,
) -> ApiResult<Paged<JobItem>> {
    let limit = page.limit(50);
    let below: Option<Uuid> = page.after()?;
    let mut conn = state.pool.acquire().await?;
    let rows = inspect::list(&mut conn, &filter, below, limit + 1).await?;
    Ok(page.reply(rows, limit, |job| job.job_id)?.map(JobItem::from))
}

/// Returns a job with its payload, attempts, log, steps, relatives, output, and why it waits.
#[utoipa::path(
    get, path = "/api/admin/jobs/{id}", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "job",
    responses((status = 200, body = JobDetail), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn one(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Json<JobDetail>> {
    // One transaction: the job may finish between two reads.
    let mut tx = state.pool.begin().await?;
    let job = inspect::job(&mut tx, id).await?.ok_or_else(|| ApiError::not_found("job"))?;
    let parts = Parts {
        job,
        links: inspect::links(&mut tx, id).await?,
        attempts: inspect::attempts(&mut tx, id).await?,
        logs: inspect::logs(&mut tx, id, LOG_LINES).await?,
        steps: inspect::steps(&mut tx, id).await?,
        why: inspect::why(&mut tx, id).await?.unwrap_or_default(),
    };
    tx.commit().await?;
    Ok(Json(parts.into()))
}

/// Why a job is not running, the most telling reason first.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(super) struct Why {
    id: Uuid,
    reasons: Vec<ReasonItem>,
}

/// Says why a job is not running, or where it runs.
#[utoipa::path(
    get, path = "/api/admin/jobs/{id}/why", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "job_why",
    responses((status = 200, body = Why), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn why(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Json<Why>> {
    let mut conn = state.pool.acquire().await?;
    let reasons = inspect::why(&mut conn, id).await?.ok_or_else(|| ApiError::not_found("job"))?;
    Ok(Json(Why { id, reasons: reasons.into_iter().map(Into::into).collect() }))
}
