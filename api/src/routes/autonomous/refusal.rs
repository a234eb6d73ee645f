//! What keeps an agent from starting.

use domain::risk::TradingState;
use jobs::db::risk::{self, Platform, Settings};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult, codes},
    timestamp,
};

/// Refuses, with 409, what only makes sense while the user may trade.
pub(super) async fn refuse_if_stopped(conn: &mut PgConnection, user_id: Uuid) -> ApiResult<()> {
    let settings = risk::settings(conn, user_id).await?;
    let platform = risk::platform(conn).await?;
    refusal(&settings, &platform).map_or(Ok(()), Err)
}

fn refusal(settings: &Settings, platform: &Platform) -> Option<ApiError> {
    if settings.kill_switch {
        let details = json!({
            "reason": settings.kill_switch_reason,
            "since": settings.kill_switch_at.map(timestamp::text),
        });
        let message = "the kill switch is on: release it before the agent starts";
        return Some(ApiError::conflict(codes::KILL_SWITCH_ACTIVE, message).with_details(details));
    }
    let of = |whose: &str, state: TradingState, reason: Option<&str>| {
        let details = json!({ "whose": whose, "tradingState": state.as_str(), "reason": reason });
        let message = format!("trading of {whose} is {}: the agent can't start", state.as_str());
        ApiError::conflict(codes::TRADING_HALTED, message).with_details(details)
    };
    if settings.trading_state != TradingState::Active {
        return Some(of("the user", settings.trading_state, None));
    }
    if platform.trading_state != TradingState::Active {
        return Some(of("everybody", platform.trading_state, platform.reason.as_deref()));
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use rust_decimal::Decimal;

    use super::*;

    fn settings(kill_switch: bool, trading_state: TradingState) -> Settings {
        Settings {
            user_id: Uuid::nil(),
            max_position_size_percent: Decimal::TEN,
            max_total_exposure_percent: Decimal::TEN,
            max_positions_count: 10,
            daily_loss_limit_percent: Decimal::TEN,
            max_notional: None,
            price_collar_percent: Decimal::TEN,
            duplicate_window_s: 5,
            allow_short: false,
            trading_state,
            kill_switch,
            kill_switch_reason: None,
            kill_switch_at: None,
            version: 1,
            updated_at: None,
        }
    }

    #[test]
    fn the_kill_switch_comes_first_then_the_user_then_everybody() {
        use TradingState::{Active, Halted, Reducing};
        for (kill_switch, own, platform, expected) in [
            (false, Active, Active, None),
            (true, Active, Active, Some(codes::KILL_SWITCH_ACTIVE)),
            (true, Halted, Halted, Some(codes::KILL_SWITCH_ACTIVE)),
            (false, Reducing, Active, Some(codes::TRADING_HALTED)),
            (false, Halted, Active, Some(codes::TRADING_HALTED)),
            (false, Active, Reducing, Some(codes::TRADING_HALTED)),
            (false, Active, Halted, Some(codes::TRADING_HALTED)),
        ] {
            let platform =
                Platform { trading_state: platform, reason: None, changed_by: None, changed_at: Utc::now() };
            let code = refusal(&settings(kill_switch, own), &platform).map(|error| error.code());
            assert_eq!(code, expected, "{kill_switch} {own:?} {platform:?}");
        }
    }
}
