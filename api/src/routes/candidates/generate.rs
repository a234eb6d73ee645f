//! Scoring the universe for the caller.

use std::time::Instant;

use axum::{Json, extract::State};
use jobs::db::{audit, candidates};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{error::ApiResult, extract::Actor, state::AppState};

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"success": true, "generated": 5, "updated": 0, "duration": 12, "traceId": null}))]
pub(super) struct GeneratedView {
    success: bool,
    /// Candidates that are new.
    generated: u64,
    /// Candidates that were there already and were scored again.
    updated: u64,
    /// Milliseconds.
    duration: u64,
    trace_id: Option<String>,
}

/// Scores every symbol that may be looked at, and proposes those that score enough.
///
/// What is a candidate already keeps its status: nothing is approved by this.
#[utoipa::path(
    post, path = "/api/candidates/generate", operation_id = "generate_candidates", tag = "autonomous",
    responses((status = 200, body = GeneratedView)), security(("session" = []))
)]
pub(super) async fn generate(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<GeneratedView>> {
    let started = Instant::now();
    let mut tx = state.pool.begin().await?;
    let trace_id = actor.client.trace_id.as_deref();
    let done = candidates::generate(&mut tx, actor.user_id, trace_id).await?;
    let entry = audit::Entry {
        after: Some(json!({ "generated": done.generated, "updated": done.updated })),
        ..actor.entry("generate_candidates", "candidate", actor.user_id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Json(GeneratedView {
        success: true,
        generated: done.generated,
        updated: done.updated,
        duration: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        trace_id: actor.client.trace_id,
    }))
}
