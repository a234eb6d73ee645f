//! Whether the exchange is open.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::market_hours::{self, Session};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{extract::Actor, timestamp};

/// The exchange's hours, by its published rules.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "clients read each of them")]
pub(super) struct MarketStatus {
    is_open: bool,
    is_pre_market: bool,
    is_after_hours: bool,
    /// Before the open or after the close: orders for extended hours trade.
    is_extended_hours: bool,
    current_time: String,
    next_open: String,
    next_close: String,
    /// `pre-market`, `regular`, `after-hours` or `closed`.
    session: &'static str,
}

impl MarketStatus {
    fn at(now: DateTime<Utc>) -> Self {
        let session = market_hours::session_at(now);
        Self {
            is_open: session == Session::Regular,
            is_pre_market: session == Session::PreMarket,
            is_after_hours: session == Session::AfterHours,
            is_extended_hours: session.is_extended(),
            current_time: timestamp::text(now),
            next_open: timestamp::text(market_hours::next_open(now)),
            next_close: timestamp::text(market_hours::next_close(now)),
            session: match session {
                Session::PreMarket => "pre-market",
                Session::Regular => "regular",
                Session::AfterHours => "after-hours",
                Session::Closed => "closed",
            },
        }
    }
}

/// Returns whether the exchange is open, and when it opens and closes next.
#[utoipa::path(
    get, path = "/api/alpaca/market-status", operation_id = "market_status", tag = "trading",
    responses((status = 200, body = MarketStatus)), security(("session" = []))
)]
pub(super) async fn status(_actor: Actor) -> Json<MarketStatus> {
    Json(MarketStatus::at(Utc::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_its_word_and_its_flags() {
        for (now, word, flags) in [
            ("2026-03-02T13:00:00Z", "pre-market", [false, true, false, true]),
            ("2026-03-02T15:00:00Z", "regular", [true, false, false, false]),
            ("2026-03-02T22:00:00Z", "after-hours", [false, false, true, true]),
            ("2026-03-01T15:00:00Z", "closed", [false, false, false, false]),
        ] {
            let status = MarketStatus::at(now.parse().expect("a time of this test is valid"));
            let seen =
                [status.is_open, status.is_pre_market, status.is_after_hours, status.is_extended_hours];
            assert_eq!((status.session, seen), (word, flags), "{now}");
        }
    }
}
