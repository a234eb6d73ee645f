//! Stopping a run.

use axum::{Json, extract::State};
use jobs::{
    db::{audit, backtests},
    queue::CancelOutcome,
};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{own, view::RunView};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Id},
    state::AppState,
};

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// Why the run is stopped.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct CancelBody {
    /// Shown in the audit log; at most 500 characters.
    #[serde(default)]
    reason: Option<String>,
}

/// Cancels a run.
///
/// A waiting run is cancelled in the reply; a running one is asked to stop and becomes
/// `CANCELLED` soon after. 409 `ALREADY_FINISHED` for a finished one.
#[utoipa::path(
    post, path = "/api/backtests/{id}/cancel", tag = "backtests", params(("id" = Uuid, Path)),
    request_body = CancelBody,
    responses((status = 200, body = RunView), (status = 409, description = "The run is finished.")),
    security(("session" = []))
)]
pub(super) async fn cancel(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
    Body(body): Body<CancelBody>,
) -> ApiResult<Json<RunView>> {
    let reason = cancel_reason(body.reason)?;
    let mut tx = state.pool.begin().await?;
    let before = own(&mut tx, &actor, id).await?;
    let stopping = stop(&mut tx, id, before.job_id, reason.as_deref()).await?;
    let run = own(&mut tx, &actor, id).await?;
    if !stopping {
        let status = run.status.as_str();
        return Err(ApiError::conflict(codes::ALREADY_FINISHED, format!("the backtest is {status} already"))
            .with_details(json!({ "status": status })));
    }
    let entry = audit::Entry {
        reason,
        before: Some(json!({ "status": before.status.as_str() })),
        after: Some(json!({ "status": run.status.as_str() })),
        ..actor.entry("cancel_backtest", "backtest", id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.cancels();
    state.hints.events();
    Ok(Json(RunView::new(run)))
}

/// Returns why something is stopped, when its owner says so; 400 beyond 500 characters.
pub(in crate::routes) fn cancel_reason(sent: Option<String>) -> ApiResult<Option<String>> {
    let reason = sent.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let length = reason.as_ref().map_or(0, |text| text.chars().count());
    if length <= MAX_REASON {
        return Ok(reason);
    }
    let message = format!("reason has {length} characters, at most {MAX_REASON} are allowed");
    Err(ApiError::invalid_field("reason", message))
}

/// Returns whether the run is stopped, or going to be.
///
/// The job comes before the run, as when a worker finishes both: no deadlock.
async fn stop(conn: &mut PgConnection, id: Uuid, job_id: Uuid, reason: Option<&str>) -> sqlx::Result<bool> {
    match jobs::cancel(conn, job_id, reason.unwrap_or("cancelled by its owner")).await? {
        CancelOutcome::Cancelled => {
            // Its kind has settled the row already; this holds also for one that forgets to.
            backtests::cancel(conn, id).await?;
            Ok(true)
        }
        CancelOutcome::Requested => Ok(true),
        // Nobody works on it any more: a run left open is closed here.
        CancelOutcome::AlreadyFinished | CancelOutcome::Unknown => backtests::cancel(conn, id).await,
    }
}
