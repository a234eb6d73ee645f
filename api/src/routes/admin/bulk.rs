//! One action on many jobs: first a preview with a count and a token, then the operation, which
//! a worker carries out and which can be watched and stopped.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jobs::{
    db::audit,
    queue::operate::{self, Action, Operation, Preview},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    reason::{self, Reasoned},
    selection,
    view::{JobItem, optional},
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{
        Body, Capability, Id, May,
        may::{AdminRead, AdminWrite},
    },
    state::AppState,
    timestamp::text,
};

/// What to do to which jobs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "action": "retry", "filter": {"state": "discarded", "error": "d41d8cd98f00b204"},
    "reason": "the provider is back"
}))]
pub(super) struct Bulk {
    /// `retry`, `cancel` or `discard`; the last needs `admin:danger`.
    action: String,
    /// As the query parameters of `/api/admin/jobs`; `args` may be an object that the payload
    /// contains. Not empty.
    #[schema(value_type = Object)]
    filter: Map<String, Value>,
    /// Not empty, at most 500 characters.
    reason: Option<String>,
    /// From the preview, within five minutes.
    #[serde(alias = "preview_token")]
    preview_token: Option<String>,
}

/// What an action would touch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PreviewView {
    count: i64,
    /// There are more than `count`.
    approximate: bool,
    /// Some of the jobs, newest first.
    sample: Vec<JobItem>,
    /// Send it with the same action and filter to carry it out; it counts once.
    preview_token: String,
    expires_at: String,
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        Self {
            count: preview.count.count,
            approximate: preview.count.approximate,
            sample: preview.sample.into_iter().map(Into::into).collect(),
            preview_token: preview.token,
            expires_at: text(preview.expires_at),
        }
    }
}

/// An operation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationView {
    id: Uuid,
    action: String,
    #[schema(value_type = Object)]
    filter: Value,
    reason: String,
    /// `pending`, `running`, `completed`, `stopped` or `failed`.
    state: String,
    /// How many jobs the preview counted.
    matched: i32,
    /// There were more.
    approximate: bool,
    changed: i32,
    /// Jobs whose state no longer allowed it.
    skipped: i32,
    failed: i32,
    /// The job that carries it out.
    job_id: Option<Uuid>,
    created_at: String,
    started_at: Option<String>,
    stop_requested_at: Option<String>,
    finished_at: Option<String>,
    last_error: Option<String>,
}

impl From<Operation> for OperationView {
    fn from(operation: Operation) -> Self {
        Self {
            id: operation.operation_id,
            action: operation.action,
            filter: operation.filter,
            reason: operation.reason,
            state: operation.state,
            matched: operation.matched,
            approximate: operation.approximate,
            changed: operation.changed,
            skipped: operation.skipped,
            failed: operation.failed,
            job_id: operation.job_id,
            created_at: text(operation.created_at),
            started_at: optional(operation.started_at),
            stop_requested_at: optional(operation.stop_requested_at),
            finished_at: optional(operation.finished_at),
            last_error: operation.last_error,
        }
    }
}

fn action(word: &str) -> ApiResult<Action> {
    match word {
        "retry" => Ok(Action::Retry),
        "cancel" => Ok(Action::Cancel),
        "discard" => Ok(Action::Discard),
        other => {
            let message = format!("unknown action {other:?}: use retry, cancel or discard");
            Err(ApiError::invalid_field("action", message))
        }
    }
}

/// Previews an action on many jobs, or, with the preview's token, starts it.
///
/// Without a token nothing is changed: the reply says how many jobs are meant. With one the
/// reply is 202 and the operation; jobs enqueued after the preview are not touched.
#[utoipa::path(
    post, path = "/api/admin/bulk", tag = "admin", operation_id = "bulk",
    request_body = Bulk,
    responses(
        (status = 200, body = PreviewView), (status = 202, body = OperationView),
        (status = 403, description = "Needs `admin:write`, to discard `admin:danger`."),
        (status = 409, description = "The token is used, expired, foreign or for something else."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn submit(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(body): Body<Bulk>,
) -> ApiResult<Response> {
    let action = action(&body.action)?;
    if action == Action::Discard {
        operator.require(Capability::AdminDanger)?;
    }
    let reason = reason::required(body.reason.as_deref())?;
    let filter = selection::from_object(&body.filter)?;
    if filter.is_empty() {
        return Err(ApiError::bad_request(codes::INVALID_FILTER, "an empty filter would mean every job"));
    }
    let mut tx = state.pool.begin().await?;
    let Some(token) = body.preview_token else {
        let preview = operate::preview(&mut tx, action, &filter, &reason, operator.asker()).await?;
        tx.commit().await?;
        return Ok(Json(PreviewView::from(preview)).into_response());
    };
    let trace_id = operator.client.trace_id.as_deref();
    let confirmed =
        operate::confirm(&mut tx, &token, action, &filter, &reason, operator.asker(), trace_id).await?;
    let Some(operation) = confirmed else {
        let message = "the preview token is used, expired, or not for this action, filter and caller";
        return Err(ApiError::conflict(codes::STALE_PREVIEW, message));
    };
    let after =
        json!({ "action": operation.action, "filter": operation.filter, "matched": operation.matched });
    let entry = audit::Entry {
        reason: Some(reason),
        ..operator.entry("start_operation", "operation", operation.operation_id, after)
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.jobs("default");
    Ok((StatusCode::ACCEPTED, Json(OperationView::from(operation))).into_response())
}

/// Returns an operation.
#[utoipa::path(
    get, path = "/api/admin/operations/{id}", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "operation",
    responses((status = 200, body = OperationView), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn one(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Json<OperationView>> {
    let mut conn = state.pool.acquire().await?;
    read(&mut conn, id).await.map(|operation| Json(operation.into()))
}

async fn read(conn: &mut PgConnection, id: Uuid) -> ApiResult<Operation> {
    operate::operation(conn, id).await?.ok_or_else(|| ApiError::not_found("operation"))
}

/// Stops an operation after the page it is at. What it has done stays done.
#[utoipa::path(
    post, path = "/api/admin/operations/{id}/stop", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "operation_stop",
    request_body = Reasoned,
    responses(
        (status = 200, body = OperationView),
        (status = 403, description = "Needs `admin:write`."),
        (status = 409, description = "It has ended."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn stop(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<OperationView>> {
    let reason = body.required()?;
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    if !operate::stop(&mut tx, id).await? {
        let now = read(&mut tx, id).await?.state;
        return Err(ApiError::conflict(codes::CONFLICT, format!("the operation is {now}"))
            .with_details(json!({ "state": now })));
    }
    let operation = read(&mut tx, id).await?;
    let entry = audit::Entry {
        reason: Some(reason),
        before: Some(json!({ "state": before.state })),
        ..operator.entry("stop_operation", "operation", id, json!({ "state": operation.state }))
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Json(operation.into()))
}
