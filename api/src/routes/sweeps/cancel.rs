//! Stopping a sweep.

use axum::{Json, extract::State};
use jobs::db::{
    audit,
    sweeps::{self, Kind},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{own, view::SweepView};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Id},
    routes::backtests::cancel::cancel_reason,
    state::AppState,
};

/// Why the sweep is stopped.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct CancelSweep {
    /// Shown in the audit log; at most 500 characters.
    #[serde(default)]
    reason: Option<String>,
}

/// Cancels a sweep.
///
/// Its waiting jobs are cancelled in the reply, running ones are asked to stop; nothing they still
/// do is recorded. 409 `ALREADY_FINISHED` for a finished one.
#[utoipa::path(
    post, path = "/api/backtests/sweep/{id}/cancel", tag = "sweeps", params(("id" = Uuid, Path)),
    request_body = CancelSweep,
    responses((status = 200, body = SweepView), (status = 409, description = "The sweep is finished.")),
    security(("session" = []))
)]
pub(super) async fn cancel(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
    Body(body): Body<CancelSweep>,
) -> ApiResult<Json<SweepView>> {
    stop(&actor, id, &state, body, Kind::Sweep).await
}

/// Cancels a sweep of `kind`: first its row, then each job in a transaction of its own, so that
/// nobody waits for two things at once. A job that is missed finds the row and does nothing.
pub(super) async fn stop(
    actor: &Actor,
    id: Uuid,
    state: &AppState,
    body: CancelSweep,
    kind: Kind,
) -> ApiResult<Json<SweepView>> {
    let reason = cancel_reason(body.reason)?;
    let mut conn = state.pool.acquire().await?;
    let mut tx = sqlx::Connection::begin(&mut *conn).await?;
    let before = own(&mut tx, actor, kind, id).await?;
    let stopped = sweeps::cancel(&mut tx, id).await?;
    let sweep = own(&mut tx, actor, kind, id).await?;
    if !stopped {
        let status = sweep.status.as_str();
        return Err(ApiError::conflict(codes::ALREADY_FINISHED, format!("it is {status} already"))
            .with_details(json!({ "status": status })));
    }
    let (action, resource) = match kind {
        Kind::Sweep => ("cancel_sweep", "sweep"),
        Kind::WalkForward => ("cancel_walk_forward", "walk_forward"),
    };
    let entry = audit::Entry {
        reason: reason.clone(),
        before: Some(json!({ "status": before.status.as_str() })),
        after: Some(json!({ "status": sweep.status.as_str() })),
        ..actor.entry(action, resource, id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    let reason = reason.as_deref().unwrap_or("cancelled by its owner");
    for job_id in sweeps::job_ids(&mut conn, id, None).await? {
        let mut tx = sqlx::Connection::begin(&mut *conn).await?;
        jobs::cancel(&mut tx, job_id, reason).await?;
        tx.commit().await?;
    }
    state.hints.cancels();
    state.hints.events();
    Ok(Json(SweepView::new(sweep)))
}
