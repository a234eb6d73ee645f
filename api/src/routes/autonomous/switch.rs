//! The kill switch, as clients of the agent know it.

use axum::{Json, extract::State};
use jobs::db::agents;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::state::{self, AutonomousState};
use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    routes::trading::risk::kill_switch::SwitchBody,
    state::AppState,
};

/// How the switch and the agent stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentSwitchView {
    success: bool,
    kill_switch_active: bool,
    state: AutonomousState,
}

/// Turns the caller's kill switch on or off: the same as `POST /api/risk/kill-switch`.
///
/// Turning it on also stops the agent; turning it off does not start it.
#[utoipa::path(
    post, path = "/api/autonomous/kill-switch", operation_id = "kill_switch", tag = "autonomous",
    request_body = SwitchBody,
    responses((status = 200, body = AgentSwitchView)), security(("session" = []))
)]
pub(super) async fn switch(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<AgentSwitchView>> {
    let wanted = SwitchBody::read(body)?;
    let mut tx = state.pool.begin().await?;
    let after = wanted.throw(&mut tx, &actor).await?;
    if wanted.activate {
        agents::stop(&mut tx, actor.user_id).await?;
    }
    let view = state::read(&mut tx, &state, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(AgentSwitchView { success: true, kill_switch_active: after.kill_switch, state: view }))
}
