//! The limits within which the caller trades.

use axum::{Json, extract::State};
use jobs::db::risk::{self, Settings, Update};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{super::amount::text, decode::Fields};
use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    state::AppState,
    timestamp,
};

/// The most that an order may be limited to, in US dollars.
const MOST_NOTIONAL: i64 = 1_000_000_000;
/// The longest time within which the same order counts as a repetition. Seconds.
const LONGEST_WINDOW_S: i32 = 3600;

/// The caller's limits and switches; percents are text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "killSwitchActive": false, "maxPositionSizePercent": "10", "maxTotalExposurePercent": "50",
    "maxPositionsCount": 10, "dailyLossLimitPercent": "5", "maxNotional": null, "priceCollarPercent": "10",
    "duplicateWindowS": 5, "allowShort": false, "tradingState": "active", "killSwitchReason": null, "killSwitchAt": null,
    "updatedAt": null
}))]
pub(in crate::routes::trading) struct SettingsView {
    /// While it is on, only cancellations and closing everything go through.
    kill_switch_active: bool,
    /// Most that one position may be worth, in percent of equity.
    max_position_size_percent: String,
    /// Most that all positions may be worth, in percent of equity.
    max_total_exposure_percent: String,
    max_positions_count: i32,
    /// Loss of a day after which nothing new is entered, in percent of the last close's equity.
    daily_loss_limit_percent: String,
    /// Most that one order may be worth, in US dollars; null: no such limit.
    max_notional: Option<String>,
    /// How far a limit price may be from the last trade.
    price_collar_percent: String,
    /// Seconds within which the same order again counts as a repetition.
    duplicate_window_s: i32,
    /// Whether more may be sold than is held.
    allow_short: bool,
    /// `active`, `reducing` or `halted`.
    trading_state: &'static str,
    kill_switch_reason: Option<String>,
    kill_switch_at: Option<String>,
    updated_at: Option<String>,
}

impl SettingsView {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            kill_switch_active: settings.kill_switch,
            max_position_size_percent: text(settings.max_position_size_percent),
            max_total_exposure_percent: text(settings.max_total_exposure_percent),
            max_positions_count: settings.max_positions_count,
            daily_loss_limit_percent: text(settings.daily_loss_limit_percent),
            max_notional: settings.max_notional.map(text),
            price_collar_percent: text(settings.price_collar_percent),
            duplicate_window_s: settings.duplicate_window_s,
            allow_short: settings.allow_short,
            trading_state: settings.trading_state.as_str(),
            kill_switch_reason: settings.kill_switch_reason,
            kill_switch_at: settings.kill_switch_at.map(timestamp::text),
            updated_at: settings.updated_at.map(timestamp::text),
        }
    }

    /// Returns whether nothing new is entered.
    pub(in crate::routes::trading) fn stopped(&self) -> bool {
        self.kill_switch_active || self.trading_state != "active"
    }
}

/// What to change; numbers may be sent as text, and what is not sent stays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"maxPositionSizePercent": "10", "maxPositionsCount": 5}))]
pub(super) struct SettingsChange {
    /// Above 0, at most 100.
    max_position_size_percent: Option<String>,
    /// Above 0, at most 300.
    max_total_exposure_percent: Option<String>,
    /// 1 to 100.
    max_positions_count: Option<i32>,
    /// Above 0, at most 100.
    daily_loss_limit_percent: Option<String>,
    /// Above 0; null takes the limit away.
    max_notional: Option<String>,
    /// Above 0, at most 100.
    price_collar_percent: Option<String>,
    /// 0 to 3600.
    duplicate_window_s: Option<i32>,
    allow_short: Option<bool>,
}

/// Returns the caller's limits and switches.
#[utoipa::path(
    get, path = "/api/risk/settings", operation_id = "risk_settings", tag = "trading",
    responses((status = 200, body = SettingsView)), security(("session" = []))
)]
pub(super) async fn settings(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<SettingsView>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(super::read(&mut conn, &actor).await?))
}

/// Changes the caller's limits. Orders already accepted are held against the new ones when they
/// are sent.
#[utoipa::path(
    post, path = "/api/risk/settings", operation_id = "change_risk_settings", tag = "trading",
    request_body = SettingsChange,
    responses((status = 200, body = SettingsView)), security(("session" = []))
)]
pub(super) async fn change(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<SettingsView>> {
    let change = decode(body)?;
    let mut tx = state.pool.begin().await?;
    let trace_id = actor.client.trace_id.as_deref();
    let after = risk::update(&mut tx, actor.user_id, actor.user_id, &change, trace_id).await?;
    tx.commit().await?;
    Ok(Json(SettingsView::new(after)))
}

/// Reads a change of limits; 400 names every field at fault.
pub(in crate::routes) fn decode(body: Value) -> ApiResult<Update> {
    let mut fields = Fields::new(body)?;
    let notional: Option<Option<Decimal>> =
        fields.has("maxNotional").then(|| fields.number("maxNotional", 0, MOST_NOTIONAL));
    let change = Update {
        max_position_size_percent: fields.number("maxPositionSizePercent", 0, 100),
        max_total_exposure_percent: fields.number("maxTotalExposurePercent", 0, 300),
        max_positions_count: fields.whole("maxPositionsCount", 1, 100),
        daily_loss_limit_percent: fields.number("dailyLossLimitPercent", 0, 100),
        max_notional: notional,
        price_collar_percent: fields.number("priceCollarPercent", 0, 100),
        duplicate_window_s: fields.whole("duplicateWindowS", 0, LONGEST_WINDOW_S),
        allow_short: fields.flag("allowShort"),
        trading_state: None,
    };
    fields.check()?;
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_takes_the_notional_limit_away_and_silence_leaves_it() {
        let of = |body| decode(body).expect("a change").max_notional;
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({"maxNotional": null})), Some(None));
        assert_eq!(of(json!({"maxNotional": "100"})), Some(Some(Decimal::ONE_HUNDRED)));
    }

    #[test]
    fn ranges_are_those_of_the_contract() {
        for (field, good, bad) in [
            ("maxPositionSizePercent", json!("100"), json!("100.1")),
            ("maxTotalExposurePercent", json!(300), json!(301)),
            ("maxPositionsCount", json!(100), json!(0)),
            ("dailyLossLimitPercent", json!(0.1), json!(0)),
        ] {
            assert!(decode(json!({ field: good })).is_ok(), "{field}");
            assert!(decode(json!({ field: bad })).is_err(), "{field}");
        }
    }
}
