//! What the exchange publishes about itself: its clock, its calendar, its stocks.

mod assets;
mod calendar;

use axum::{Json, Router, extract::State, routing::get};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{hours, replay::Replay};

/// Returns the routes.
pub fn router(replay: Replay) -> Router {
    Router::new()
        .route("/v2/clock", get(clock))
        .route("/v2/calendar", get(calendar::list))
        .route("/v2/assets", get(assets::list))
        .route("/v2/assets/{symbol_or_id}", get(assets::one))
        .with_state(replay)
}

/// `GET /v2/clock`, in New York time.
async fn clock(State(replay): State<Replay>) -> Json<Value> {
    let now = replay.clock.now();
    let written = |at: DateTime<Utc>| hours::new_york(at).to_rfc3339_opts(SecondsFormat::AutoSi, false);
    Json(json!({
        "timestamp": written(now),
        "is_open": hours::session_at(now).is_some(),
        "next_open": written(hours::next_open(now)),
        "next_close": written(hours::next_close(now)),
    }))
}
