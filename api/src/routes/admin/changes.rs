//! Deciding about one job.

use axum::{Json, extract::State};
use jobs::{
    db::audit,
    queue::{
        CancelOutcome,
        inspect::{self, JobView},
        operate::{self, Refusal, Resolution, Retried},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    reason::{self, Reasoned},
    view::{self, JobItem},
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{
        Body, Id, May, Operator,
        may::{AdminDanger, AdminWrite},
    },
    state::AppState,
};

/// What became of a job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changed {
    /// `retried`, `repeated`, `cancelled`, `cancel_requested`, `discarded`, `resolved` or `forked`.
    pub(super) outcome: &'static str,
    /// The job as it stands now; with `repeated` and `forked` the new one.
    pub(super) job: JobItem,
}

/// Returns how a refusal reads.
pub(super) fn refused(refusal: Refusal) -> ApiError {
    let message = refusal.to_string();
    match refusal {
        Refusal::Unknown => ApiError::not_found("job"),
        Refusal::State(state) => {
            ApiError::conflict(codes::CONFLICT, message).with_details(json!({ "state": state }))
        }
        Refusal::AlreadyRetried(job) => {
            ApiError::conflict(codes::ALREADY_RETRIED, message).with_details(json!({ "jobId": job }))
        }
        Refusal::UniqueBlocked(job) => {
            ApiError::conflict(codes::UNIQUE_BLOCKED, message).with_details(json!({ "jobId": job }))
        }
        Refusal::UnknownStep { known, .. } => {
            ApiError::bad_request(codes::UNKNOWN_STEP, message).with_details(json!({ "known": known }))
        }
        Refusal::Database(error) => error.into(),
    }
}

/// Returns what an audit row keeps of a job.
pub(super) fn kept(job: &JobView) -> Value {
    json!({
        "state": job.state, "kind": job.kind, "queue": job.queue, "attempt": job.attempt,
        "failures": job.failures, "crashes": job.crashes, "runAt": job.run_at,
        "cancelRequestedAt": job.cancel_requested_at
    })
}

pub(super) async fn read(conn: &mut PgConnection, id: Uuid) -> ApiResult<JobView> {
    inspect::job(conn, id).await?.ok_or_else(|| ApiError::not_found("job"))
}

/// Writes the audit row of a change from `before` to what job `now` is.
async fn record(
    conn: &mut PgConnection,
    operator: &Operator,
    action: &str,
    reason: String,
    before: &JobView,
    now: Uuid,
) -> ApiResult<JobView> {
    let job = read(conn, now).await?;
    let mut after = kept(&job);
    if now != before.job_id {
        after["repeatedAs"] = json!(now);
    }
    let entry = audit::Entry {
        reason: Some(reason),
        before: Some(kept(before)),
        ..operator.entry(action, "job", before.job_id, after)
    };
    audit::record(conn, entry).await?;
    Ok(job)
}

/// Retries a job in one transaction with its audit row.
pub(super) async fn retry_job(
    state: &AppState,
    operator: &Operator,
    id: Uuid,
    reason: String,
) -> ApiResult<(Retried, JobView)> {
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    let retried = operate::retry(&mut tx, id).await.map_err(refused)?;
    let job = record(&mut tx, operator, "retry_job", reason, &before, retried.job_id).await?;
    tx.commit().await?;
    state.hints.jobs(&retried.queue);
    settled(state);
    Ok((retried, job))
}

/// Cancels a job in one transaction with its audit row.
pub(super) async fn cancel_job(
    state: &AppState,
    operator: &Operator,
    id: Uuid,
    reason: String,
) -> ApiResult<(CancelOutcome, JobView)> {
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    let outcome = operate::cancel(&mut tx, id, &reason).await.map_err(refused)?;
    let job = record(&mut tx, operator, "cancel_job", reason, &before, id).await?;
    tx.commit().await?;
    state.hints.cancels();
    settled(state);
    Ok((outcome, job))
}

/// Discards a job in one transaction with its audit row.
pub(super) async fn discard_job(
    state: &AppState,
    operator: &Operator,
    id: Uuid,
    reason: String,
) -> ApiResult<JobView> {
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    operate::discard(&mut tx, id, &reason).await.map_err(refused)?;
    let job = record(&mut tx, operator, "discard_job", reason, &before, id).await?;
    tx.commit().await?;
    settled(state);
    Ok(job)
}

/// Tells others what the end of a job may mean to them.
fn settled(state: &AppState) {
    state.hints.events();
    state.hints.admissions();
}

/// Lets a job run now that waits for its time, its backoff or an operator. One that was
/// discarded or cancelled is repeated as a new job, once; a completed one is refused.
#[utoipa::path(
    post, path = "/api/admin/jobs/{id}/retry", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "job_retry",
    request_body = Reasoned,
    responses(
        (status = 200, body = Changed),
        (status = 403, description = "Needs `admin:write`."),
        (status = 409, description = "Its state forbids it, it was repeated before, or its unique key is taken."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn retry(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<Changed>> {
    let (retried, job) = retry_job(&state, &operator, id, body.required()?).await?;
    let outcome = if retried.repeated { "repeated" } else { "retried" };
    Ok(Json(Changed { outcome, job: view::item(job) }))
}

/// Cancels a job: a waiting one ends at once, a running one is asked to stop.
#[utoipa::path(
    post, path = "/api/admin/jobs/{id}/cancel", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "job_cancel",
    request_body = Reasoned,
    responses(
        (status = 200, body = Changed),
        (status = 403, description = "Needs `admin:write`."),
        (status = 409, description = "It has finished."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn cancel(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<Changed>> {
    let (outcome, job) = cancel_job(&state, &operator, id, body.required()?).await?;
    let outcome = if outcome == CancelOutcome::Requested { "cancel_requested" } else { "cancelled" };
    Ok(Json(Changed { outcome, job: view::item(job) }))
}

/// Ends a waiting job as discarded. A running one is refused: cancel it.
#[utoipa::path(
    post, path = "/api/admin/jobs/{id}/discard", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "job_discard",
    request_body = Reasoned,
    responses(
        (status = 200, body = Changed),
        (status = 403, description = "Needs `admin:danger`."),
        (status = 409, description = "It runs or has finished."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn discard(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<Changed>> {
    let job = discard_job(&state, &operator, id, body.required()?).await?;
    Ok(Json(Changed { outcome: "discarded", job: view::item(job) }))
}

/// What was found out about an indeterminate job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"outcome": "completed", "reason": "the broker shows the order"}))]
pub(super) struct Resolve {
    /// `completed`: the effect happened. `retry`: it did not; the same job runs again.
    /// `discarded`: it did not, and must not any more.
    outcome: String,
    /// Not empty, at most 500 characters.
    reason: Option<String>,
}

/// Ends the doubt about an indeterminate job.
#[utoipa::path(
    post, path = "/api/admin/jobs/{id}/resolve", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "job_resolve",
    request_body = Resolve,
    responses(
        (status = 200, body = Changed),
        (status = 403, description = "Needs `admin:danger`."),
        (status = 409, description = "It is not indeterminate."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn resolve(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Resolve>,
) -> ApiResult<Json<Changed>> {
    let reason = reason::required(body.reason.as_deref())?;
    let resolution = match body.outcome.as_str() {
        "completed" => Resolution::Completed,
        "retry" => Resolution::Retry,
        "discarded" => Resolution::Discarded,
        other => {
            let message = format!("unknown outcome {other:?}: use completed, retry or discarded");
            return Err(ApiError::invalid_field("outcome", message));
        }
    };
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    let queue = operate::resolve(&mut tx, id, resolution, &reason).await.map_err(refused)?;
    let job = record(&mut tx, &operator, "resolve_job", reason, &before, id).await?;
    tx.commit().await?;
    if let Some(queue) = queue {
        state.hints.jobs(&queue);
    }
    settled(&state);
    Ok(Json(Changed { outcome: "resolved", job: view::item(job) }))
}
