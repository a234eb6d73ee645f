//! The kill switch of the whole platform.

use axum::{Json, extract::State};
use jobs::db::{audit, risk};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{super::reason, control::OrchestratorDone};
use crate::{
    error::{ApiError, ApiResult},
    extract::{Body, May, may::AdminDanger},
    state::AppState,
};

/// Which way to throw the switch, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": true, "reason": "the broker's prices are wrong"}))]
pub(super) struct OrchestratorSwitchBody {
    enabled: Option<bool>,
    /// Shown to every user; at most 500 characters.
    reason: Option<String>,
}

/// Halts everybody's trading, as `POST /api/risk/state` does for everybody with `halted`, or lets it go on.
///
/// While it is on only cancellations go through, and a cycle at work ends before its next step. Turning
/// it off gives back the state it found, `active` or `reducing`, and releases nobody's own kill switch.
#[utoipa::path(
    post, path = "/api/admin/orchestrator/kill-switch", tag = "admin", operation_id = "orchestrator_kill_switch",
    request_body = OrchestratorSwitchBody,
    responses((status = 200, body = OrchestratorDone), (status = 403, description = "Needs `admin:danger`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn switch(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Body(body): Body<OrchestratorSwitchBody>,
) -> ApiResult<Json<OrchestratorDone>> {
    let on =
        body.enabled.ok_or_else(|| ApiError::invalid_field("enabled", "enabled must be true or false"))?;
    let way = if on { "on" } else { "off" };
    let reason = reason::optional(body.reason.as_deref())?
        .unwrap_or_else(|| format!("an operator turned the kill switch {way}"));
    let mut tx = state.pool.begin().await?;
    if risk::switch_platform(&mut tx, operator.user_id, on, Some(&reason)).await? {
        // The entry of the state itself names no key and no address.
        let entry = audit::Entry {
            reason: Some(reason),
            ..operator.entry("throw_platform_switch", "platform_state", "1", json!({ "enabled": on }))
        };
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
    }
    let word = if on { "on: only cancellations go through" } else { "off" };
    OrchestratorDone::read(&state, format!("everybody's kill switch is {word}")).await
}
