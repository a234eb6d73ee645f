//! Starting and stopping the caller's agent, and letting it rest.

use axum::{Json, extract::State};
use jobs::db::agents::{self, Agent};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::refusal::refuse_if_stopped;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Actor,
    state::AppState,
};

/// How the agent stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"success": true, "mode": "autonomous", "isRunning": true, "isPaused": false}))]
pub(super) struct ControlView {
    success: bool,
    /// `autonomous`, `semi-auto` or `manual`.
    mode: &'static str,
    is_running: bool,
    /// Whether it rests until it is resumed.
    is_paused: bool,
}

impl From<Agent> for ControlView {
    fn from(agent: Agent) -> Self {
        Self {
            success: true,
            mode: agent.mode.as_str(),
            is_running: agent.is_running,
            is_paused: agent.is_paused,
        }
    }
}

/// Starts the caller's agent in the transaction; 409 while the kill switch is on.
pub(in crate::routes) async fn start(conn: &mut PgConnection, actor: &Actor) -> ApiResult<Agent> {
    refuse_if_stopped(conn, actor.user_id).await?;
    Ok(agents::start(conn, actor.user_id).await?)
}

/// Stops the caller's agent in the transaction.
pub(in crate::routes) async fn stop(conn: &mut PgConnection, actor: &Actor) -> ApiResult<Agent> {
    Ok(agents::stop(conn, actor.user_id).await?)
}

/// Starts the caller's agent.
///
/// The reply does not wait: a worker begins the first cycle within a second. One that runs already
/// goes on, and one that rests is resumed.
#[utoipa::path(
    post, path = "/api/autonomous/start", operation_id = "start", tag = "autonomous",
    responses(
        (status = 200, body = ControlView),
        (status = 409, description = "The kill switch is on, or trading is halted.")),
    security(("session" = []))
)]
pub(super) async fn start_agent(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<ControlView>> {
    let mut tx = state.pool.begin().await?;
    let agent = start(&mut tx, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(agent.into()))
}

/// Stops the caller's agent: a cycle at work ends before its next step.
///
/// Orders and positions stay as they are.
#[utoipa::path(
    post, path = "/api/autonomous/stop", operation_id = "stop", tag = "autonomous",
    responses((status = 200, body = ControlView)), security(("session" = []))
)]
pub(super) async fn stop_agent(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<ControlView>> {
    let mut tx = state.pool.begin().await?;
    let agent = stop(&mut tx, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(agent.into()))
}

/// Lets the caller's running agent rest: a cycle at work ends before its next step.
#[utoipa::path(
    post, path = "/api/autonomous/pause", operation_id = "pause", tag = "autonomous",
    responses((status = 200, body = ControlView), (status = 409, description = "It does not run.")),
    security(("session" = []))
)]
pub(super) async fn pause(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<ControlView>> {
    let mut tx = state.pool.begin().await?;
    let agent = running(agents::pause(&mut tx, actor.user_id).await?)?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(agent.into()))
}

/// Ends the rest of the caller's agent: its next cycle is due at once.
#[utoipa::path(
    post, path = "/api/autonomous/resume", operation_id = "resume", tag = "autonomous",
    responses(
        (status = 200, body = ControlView),
        (status = 409, description = "It does not run, the kill switch is on, or trading is halted.")),
    security(("session" = []))
)]
pub(super) async fn resume(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<ControlView>> {
    let mut tx = state.pool.begin().await?;
    refuse_if_stopped(&mut tx, actor.user_id).await?;
    let agent = running(agents::resume(&mut tx, actor.user_id).await?)?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(agent.into()))
}

/// Returns the agent if it runs, or 409.
fn running(agent: Agent) -> ApiResult<Agent> {
    if agent.is_running {
        return Ok(agent);
    }
    Err(ApiError::conflict(codes::AGENT_NOT_RUNNING, "the agent does not run: start it first"))
}
