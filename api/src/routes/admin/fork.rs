//! Beginning a job anew in the middle.

use axum::{Json, extract::State};
use jobs::{db::audit, queue::operate};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    changes::{Changed, kept, read, refused},
    reason, view,
};
use crate::{
    error::ApiResult,
    extract::{Body, Id, May, may::AdminDanger},
    state::AppState,
};

/// Where the new job begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"fromStep": "rank", "reason": "the ranking had a mistake"}))]
pub(super) struct Fork {
    /// The first step that it does itself: the results of those before are copied. Absent: it
    /// does them all.
    #[serde(alias = "from_step")]
    from_step: Option<String>,
    /// Not empty, at most 500 characters.
    reason: Option<String>,
}

/// Makes a new job of a job's kind and payload, finished or not, that goes on from one of its
/// steps. Its idempotency key is new: effects outside happen again.
#[utoipa::path(
    post, path = "/api/admin/jobs/{id}/fork", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "job_fork",
    request_body = Fork,
    responses(
        (status = 200, body = Changed),
        (status = 403, description = "Needs `admin:danger`."),
        (status = 409, description = "An unfinished job, perhaps this one, has its unique key."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn fork(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Fork>,
) -> ApiResult<Json<Changed>> {
    let reason = reason::required(body.reason.as_deref())?;
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    let forked = operate::fork(&mut tx, id, body.from_step.as_deref()).await.map_err(refused)?;
    let job = read(&mut tx, forked.job_id).await?;
    let mut after = kept(&job);
    after["forkedAs"] = json!(forked.job_id);
    after["fromStep"] = json!(body.from_step);
    let entry = audit::Entry {
        reason: Some(reason),
        before: Some(kept(&before)),
        ..operator.entry("fork_job", "job", id, after)
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.jobs(&forked.queue);
    state.hints.admissions();
    state.hints.events();
    Ok(Json(Changed { outcome: "forked", job: view::item(job) }))
}
