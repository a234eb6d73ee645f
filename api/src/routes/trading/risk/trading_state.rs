//! Whether the caller trades, only reduces, or neither; and whether anybody does.

use axum::{Json, extract::State};
use jobs::db::{
    audit,
    risk::{self, Platform, Settings, TradingState, Update},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::decode::Fields;
use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Body},
    state::AppState,
    timestamp,
};

/// The state to go to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"state": "reducing", "reason": "on holiday"}))]
pub(super) struct StateBody {
    /// `active`, `reducing` (exits only) or `halted` (nothing at all).
    state: String,
    /// Kept in the audit log; at most 500 characters. Needed for everybody.
    reason: Option<String>,
    /// For every user: for administrators.
    everybody: Option<bool>,
}

/// Who trades.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StateView {
    /// The caller's own: `active`, `reducing` or `halted`.
    state: &'static str,
    kill_switch_active: bool,
    /// Everybody's: the stricter of the two counts.
    platform_state: &'static str,
    platform_reason: Option<String>,
    platform_changed_at: String,
}

impl StateView {
    fn new(settings: &Settings, platform: Platform) -> Self {
        Self {
            state: settings.trading_state.as_str(),
            kill_switch_active: settings.kill_switch,
            platform_state: platform.trading_state.as_str(),
            platform_reason: platform.reason,
            platform_changed_at: timestamp::text(platform.changed_at),
        }
    }
}

/// Returns whether the caller trades, and whether anybody does.
#[utoipa::path(
    get, path = "/api/risk/state", operation_id = "trading_state", tag = "trading",
    responses((status = 200, body = StateView)), security(("session" = []))
)]
pub(super) async fn read(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<StateView>> {
    let mut conn = state.pool.acquire().await?;
    let settings = risk::settings(&mut conn, actor.user_id).await?;
    Ok(Json(StateView::new(&settings, risk::platform(&mut conn).await?)))
}

/// Sets whether the caller trades, or, for administrators, whether anybody does.
#[utoipa::path(
    post, path = "/api/risk/state", operation_id = "set_trading_state", tag = "trading",
    request_body = StateBody,
    responses((status = 200, body = StateView)), security(("session" = []))
)]
pub(super) async fn change(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<StateView>> {
    let mut fields = Fields::new(body)?;
    let wanted = fields.sent("state").and_then(Value::as_str).and_then(|word| word.trim().parse().ok());
    if wanted.is_none() {
        fields.fault("state", "state must be active, reducing or halted");
    }
    let everybody = fields.flag("everybody").unwrap_or_default();
    let reason = fields.reason();
    if everybody && reason.is_none() {
        fields.fault("reason", "reason must not be empty");
    }
    fields.check()?;
    if everybody && !actor.is_admin {
        return Err(ApiError::forbidden("trading:manage", Vec::new()));
    }
    let wanted: TradingState = wanted.unwrap_or(TradingState::Halted);
    let mut tx = state.pool.begin().await?;
    let user = actor.user_id;
    if everybody {
        risk::set_platform(&mut tx, Some(user), wanted, reason.as_deref()).await?;
    } else {
        let change = Update { trading_state: Some(wanted), ..Update::default() };
        risk::update(&mut tx, user, user, &change, actor.client.trace_id.as_deref()).await?;
        let entry = audit::Entry {
            reason,
            after: Some(json!({ "tradingState": wanted.as_str() })),
            ..actor.entry("set_trading_state", "risk_settings", user.to_string())
        };
        audit::record(&mut tx, entry).await?;
    }
    let settings = risk::settings(&mut tx, user).await?;
    let platform = risk::platform(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(StateView::new(&settings, platform)))
}
