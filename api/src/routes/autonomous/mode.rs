//! What the caller's agent does by itself, and how often it looks.

use axum::{Json, extract::State};
use domain::cycle::Mode;
use jobs::db::agents;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    routes::trading::risk::decode::Fields,
    state::AppState,
};

/// The shortest time between two cycles, in seconds.
const LEAST_S: i32 = 5;
/// The longest time between two cycles, in seconds.
const MOST_S: i32 = 86_400;

/// The mode to go to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"mode": "semi-auto"}))]
pub(super) struct ModeBody {
    /// `autonomous` (entries of approved candidates are sent), `semi-auto` (each waits for
    /// `execute-trades`) or `manual` (nothing is done by itself).
    mode: String,
}

/// How the mode stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModeView {
    success: bool,
    mode: &'static str,
}

/// How often to look.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"intervalSeconds": 60}))]
pub(super) struct IntervalBody {
    /// Seconds between two cycles, 5 to 86400.
    interval_seconds: i32,
}

/// How often it looks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct IntervalView {
    success: bool,
    interval_seconds: i32,
}

/// Sets what the caller's agent does by itself; a cycle at work goes by it from its next step on.
#[utoipa::path(
    post, path = "/api/autonomous/mode", operation_id = "set_mode", tag = "autonomous",
    request_body = ModeBody,
    responses((status = 200, body = ModeView)), security(("session" = []))
)]
pub(super) async fn set_mode(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<ModeView>> {
    let mut fields = Fields::new(body)?;
    let wanted = fields.sent("mode").and_then(Value::as_str).and_then(|word| word.trim().parse().ok());
    if wanted.is_none() {
        fields.fault("mode", "mode must be autonomous, semi-auto or manual");
    }
    fields.check()?;
    let mode = wanted.unwrap_or(Mode::Manual);
    let mut tx = state.pool.begin().await?;
    let agent = agents::set_mode(&mut tx, actor.user_id, mode).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(ModeView { success: true, mode: agent.mode.as_str() }))
}

/// Sets how often the caller's agent looks; the next cycle is due no later than so.
#[utoipa::path(
    put, path = "/api/autonomous/interval", operation_id = "set_interval", tag = "autonomous",
    request_body = IntervalBody,
    responses((status = 200, body = IntervalView)), security(("session" = []))
)]
pub(super) async fn set_interval(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<IntervalView>> {
    let mut fields = Fields::new(body)?;
    if fields.sent("intervalSeconds").is_none() {
        fields.fault("intervalSeconds", "intervalSeconds is missing");
    }
    let seconds = fields.whole("intervalSeconds", LEAST_S, MOST_S);
    fields.check()?;
    let seconds = seconds.unwrap_or(MOST_S);
    let mut tx = state.pool.begin().await?;
    let agent = agents::set_interval(&mut tx, actor.user_id, seconds).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(IntervalView { success: true, interval_seconds: agent.interval_s }))
}
