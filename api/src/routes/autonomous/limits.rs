//! The limits within which the agent trades: the user's own.

use axum::{Json, extract::State};
use jobs::db::risk::{self, Settings, Update};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    routes::trading::{amount::number, risk::settings::decode},
    state::AppState,
};

/// The four limits of the contract, as numbers; `/api/risk/settings` has them all.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "maxPositionSizePercent": 10, "maxTotalExposurePercent": 50, "maxPositionsCount": 10, "dailyLossLimitPercent": 5
}))]
pub(in crate::routes) struct LimitsView {
    /// Most that one position may be worth, in percent of equity.
    pub(in crate::routes) max_position_size_percent: f64,
    /// Most that all positions may be worth, in percent of equity.
    pub(in crate::routes) max_total_exposure_percent: f64,
    pub(in crate::routes) max_positions_count: i32,
    /// Loss of a day after which nothing new is entered, in percent of the last close's equity.
    pub(in crate::routes) daily_loss_limit_percent: f64,
}

impl From<&Settings> for LimitsView {
    fn from(settings: &Settings) -> Self {
        Self {
            max_position_size_percent: number(settings.max_position_size_percent),
            max_total_exposure_percent: number(settings.max_total_exposure_percent),
            max_positions_count: settings.max_positions_count,
            daily_loss_limit_percent: number(settings.daily_loss_limit_percent),
        }
    }
}

/// What the change made of the limits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitsReply {
    success: bool,
    risk_limits: LimitsView,
}

/// Changes the caller's limits, as `POST /api/risk/settings` does; what is not sent stays.
#[utoipa::path(
    put, path = "/api/autonomous/risk-limits", operation_id = "change_limits", tag = "autonomous",
    request_body = LimitsView,
    responses((status = 200, body = LimitsReply)), security(("session" = []))
)]
pub(super) async fn change(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<LimitsReply>> {
    let sent = decode(body)?;
    // The four limits of this address, and nothing else of what its sibling takes.
    let change = Update {
        max_position_size_percent: sent.max_position_size_percent,
        max_total_exposure_percent: sent.max_total_exposure_percent,
        max_positions_count: sent.max_positions_count,
        daily_loss_limit_percent: sent.daily_loss_limit_percent,
        ..Update::default()
    };
    let mut tx = state.pool.begin().await?;
    let user = actor.user_id;
    let after = risk::update(&mut tx, user, user, &change, actor.client.trace_id.as_deref()).await?;
    tx.commit().await?;
    Ok(Json(LimitsReply { success: true, risk_limits: LimitsView::from(&after) }))
}
