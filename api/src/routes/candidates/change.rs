//! The caller's word on a candidate: the only way in which one is ever approved.

use axum::{Json, extract::State};
use domain::universe::CandidateStatus;
use jobs::db::{audit, candidates};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Name},
    state::AppState,
};

/// What became of a candidate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "success": true, "symbol": "AAPL", "previousStatus": "NEW", "newStatus": "APPROVED"
}))]
pub(super) struct CandidateChange {
    success: bool,
    symbol: String,
    previous_status: &'static str,
    new_status: &'static str,
}

/// Approves a candidate: from now on the caller's agent may buy it.
#[utoipa::path(
    post, path = "/api/candidates/{id}/approve", operation_id = "approve_candidate", tag = "autonomous",
    params(("id" = String, Path, description = "The symbol")),
    responses((status = 200, body = CandidateChange)), security(("session" = []))
)]
pub(super) async fn approve(
    actor: Actor,
    Name(symbol): Name,
    State(state): State<AppState>,
) -> ApiResult<Json<CandidateChange>> {
    change(&state, &actor, &symbol, CandidateStatus::Approved).await.map(Json)
}

/// Rejects a candidate: the caller's agent neither looks at it nor buys it.
#[utoipa::path(
    post, path = "/api/candidates/{id}/reject", operation_id = "reject_candidate", tag = "autonomous",
    params(("id" = String, Path, description = "The symbol")),
    responses((status = 200, body = CandidateChange)), security(("session" = []))
)]
pub(super) async fn reject(
    actor: Actor,
    Name(symbol): Name,
    State(state): State<AppState>,
) -> ApiResult<Json<CandidateChange>> {
    change(&state, &actor, &symbol, CandidateStatus::Rejected).await.map(Json)
}

async fn change(
    state: &AppState,
    actor: &Actor,
    symbol: &str,
    to: CandidateStatus,
) -> ApiResult<CandidateChange> {
    let symbol = symbol.to_ascii_uppercase();
    let mut tx = state.pool.begin().await?;
    let user = actor.user_id;
    let changed = candidates::set_status(&mut tx, user, &symbol, to, user).await?;
    let (before, after) = changed.ok_or_else(|| ApiError::not_found("candidate"))?;
    let action = if to == CandidateStatus::Approved { "approve_candidate" } else { "reject_candidate" };
    let entry = audit::Entry {
        before: Some(json!({ "status": before.as_str() })),
        after: Some(json!({ "status": after.as_str() })),
        ..actor.entry(action, "candidate", symbol.clone())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(CandidateChange {
        success: true,
        symbol,
        previous_status: before.as_str(),
        new_status: after.as_str(),
    })
}
