//! The exchange's calendar.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
};
use chrono::{Datelike, NaiveDate};
use domain::market_hours;
use serde_json::{Value, json};

use crate::{error::ApiError, hours, replay::Replay};

/// Years the real calendar covers.
const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 2029;

/// `GET /v2/calendar?start&end`: the sessions, both ends included, in New York time.
pub(super) async fn list(
    State(replay): State<Replay>,
    Query(parameters): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let day = |name: &str| {
        let Some(text) = parameters.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        // Clients send an instant where a date is meant.
        let date = text.get(..10).unwrap_or(text).parse::<NaiveDate>();
        date.map(Some).map_err(|_| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                40_010_001,
                format!("invalid {name}: {text:?} is not a date"),
            )
        })
    };
    let today = hours::new_york(replay.clock.now()).date_naive();
    let last_year = today.year().max(LAST_YEAR);
    let bound = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a calendar date");
    let (first, last) = (bound(FIRST_YEAR, 1, 1), bound(last_year, 12, 31));
    let from = day("start")?.unwrap_or(first).max(first);
    let to = day("end")?.unwrap_or(last).min(last);
    let sessions = from.iter_days().take_while(|date| *date <= to).filter_map(hours::session);
    Ok(Json(sessions.map(|session| written(&session)).collect()))
}

fn written(session: &hours::Session) -> Value {
    let time = |at| hours::new_york(at).format("%H:%M").to_string();
    let compact = |at| hours::new_york(at).format("%H%M").to_string();
    json!({
        "date": session.date.to_string(),
        "open": time(session.open),
        "close": time(session.close),
        "session_open": market_hours::TradingHours::on(session.date).map(|hours| compact(hours.pre_market)),
        "session_close": market_hours::TradingHours::on(session.date).map(|hours| compact(hours.end)),
        "settlement_date": hours::next_session(session.date).date.to_string(),
    })
}
