//! What agents may do by themselves at the most.

use axum::{Json, extract::State};
use domain::cycle::Mode;
use jobs::db::{agents, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{super::reason, standing::Standing};
use crate::{
    error::{ApiError, ApiResult},
    extract::{
        Body, May,
        may::{AdminRead, AdminWrite},
    },
    state::AppState,
    timestamp,
};

/// How many agents are in each mode, running or not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct AgentModes {
    autonomous: i64,
    semi_auto: i64,
    manual: i64,
}

/// What agents may do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrchestratorConfig {
    /// The mode of the agents that do most by themselves: `autonomous`, `semi-auto` or `manual`.
    mode: &'static str,
    modes: AgentModes,
    /// Whether nobody trades at all.
    kill_switch: bool,
    /// Everybody's: `active`, `reducing` or `halted`.
    trading_state: &'static str,
    /// Why it is so.
    trading_reason: Option<String>,
    trading_changed_at: String,
    /// Whether the queue of cycles is paused.
    is_paused: bool,
}

impl From<Standing> for OrchestratorConfig {
    fn from(standing: Standing) -> Self {
        let kill_switch = standing.killed();
        let Standing { fleet, queue, platform } = standing;
        Self {
            mode: fleet.freest_mode().unwrap_or_default().as_str(),
            modes: AgentModes {
                autonomous: fleet.autonomous,
                semi_auto: fleet.semi_auto,
                manual: fleet.manual,
            },
            kill_switch,
            trading_state: platform.trading_state.as_str(),
            trading_reason: platform.reason,
            trading_changed_at: timestamp::text(platform.changed_at),
            is_paused: queue.paused,
        }
    }
}

/// Returns what all users' agents may do.
#[utoipa::path(
    get, path = "/api/admin/orchestrator/config", tag = "admin", operation_id = "orchestrator_config",
    responses((status = 200, body = OrchestratorConfig), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn read(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<OrchestratorConfig>> {
    let standing = Standing::read(&mut *state.pool.acquire().await?).await?;
    Ok(Json(standing.into()))
}

/// The mode to go back to, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mode": "semi-auto", "reason": "a volatile week"}))]
pub(super) struct OrchestratorConfigBody {
    /// `autonomous`, `semi-auto` or `manual`.
    mode: Option<String>,
    /// At most 500 characters.
    reason: Option<String>,
}

/// Takes every agent back to `mode` that does more by itself; a cycle at work goes by it from its
/// next step on.
///
/// Nobody's agent is ever given more to do than its user gave it: to `autonomous` nothing changes.
/// Users may set their agents free again; the kill switch is what they can't undo.
#[utoipa::path(
    put, path = "/api/admin/orchestrator/config", tag = "admin", operation_id = "orchestrator_set_config",
    request_body = OrchestratorConfigBody,
    responses((status = 200, body = OrchestratorConfig), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn change(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(body): Body<OrchestratorConfigBody>,
) -> ApiResult<Json<OrchestratorConfig>> {
    let mode = mode(body.mode.as_deref())?
        .ok_or_else(|| ApiError::invalid_field("mode", "there is nothing to change: send mode"))?;
    let reason = reason::optional(body.reason.as_deref())?;
    let mut tx = state.pool.begin().await?;
    let agents = agents::restrain(&mut tx, mode).await?;
    let after = json!({ "mode": mode, "agents": agents });
    let entry = audit::Entry { reason, ..operator.entry("restrain_agents", "agent", "all", after) };
    audit::record(&mut tx, entry).await?;
    let standing = Standing::read(&mut tx).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(standing.into()))
}

/// Returns the mode that was sent, if one was.
pub(super) fn mode(sent: Option<&str>) -> ApiResult<Option<Mode>> {
    let message = "mode must be autonomous, semi-auto or manual";
    let read = |text: &str| text.trim().parse().map_err(|_| ApiError::invalid_field("mode", message));
    sent.map(read).transpose()
}
