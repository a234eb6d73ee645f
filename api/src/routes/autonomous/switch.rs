//! The kill switch, as clients of the agent know it.

use axum::{Json, extract::State};
use jobs::db::{agents, risk};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::state::{self, AutonomousState};
use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    routes::trading::risk::decode::Fields,
    state::AppState,
};

/// Which way to throw the switch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"activate": true, "reason": "strange fills"}))]
pub(super) struct AgentSwitchBody {
    activate: bool,
    /// Kept in the audit log; at most 500 characters.
    reason: Option<String>,
}

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
    request_body = AgentSwitchBody,
    responses((status = 200, body = AgentSwitchView)), security(("session" = []))
)]
pub(super) async fn switch(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<AgentSwitchView>> {
    let mut fields = Fields::new(body)?;
    let activate = fields.required_flag("activate");
    let reason = fields.reason();
    fields.check()?;
    let activate = activate.unwrap_or(true);
    let mut tx = state.pool.begin().await?;
    let user = actor.user_id;
    let trace_id = actor.client.trace_id.as_deref();
    let after = risk::kill_switch(&mut tx, Some(user), user, activate, reason.as_deref(), trace_id).await?;
    if activate {
        agents::stop(&mut tx, user).await?;
    }
    let view = state::read(&mut tx, &state, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(AgentSwitchView { success: true, kill_switch_active: after.kill_switch, state: view }))
}
