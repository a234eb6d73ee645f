//! What a test does to the sandbox: looks at its clock and moves it.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    hours,
    market_data::stamp,
    replay::Replay,
    stream::{Disturb, Disturbances},
    trading::TradingState,
};

/// How often orders are looked at while a clock is moved within a session.
const STRIDE: TimeDelta = TimeDelta::minutes(1);

#[derive(Clone)]
struct Admin {
    replay: Replay,
    trading: TradingState,
    disturbances: Disturbances,
}

/// Returns the routes: the clock, how the stream of trade updates misbehaves, and whether the
/// sandbox is there.
pub(super) fn router(replay: Replay, trading: TradingState, disturbances: Disturbances) -> Router {
    Router::new()
        .route("/sandbox/clock", get(show).post(step))
        .route("/sandbox/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/sandbox/stream", get(disturbed).put(disturb).delete(calm))
        .with_state(Admin { replay, trading, disturbances })
}

/// How far the clock is moved: by a time, or to one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    advance_ms: Option<u64>,
    to: Option<DateTime<Utc>>,
}

async fn show(State(admin): State<Admin>) -> Json<Value> {
    Json(written(&admin.replay))
}

/// Moves the clock minute by minute through sessions, so that orders meet the prices between.
async fn step(State(admin): State<Admin>, Json(step): Json<Step>) -> Result<Json<Value>, ApiError> {
    let refused = |message: String| ApiError::plain(StatusCode::UNPROCESSABLE_ENTITY, message);
    let now = admin.replay.clock.now();
    let target = match (step.advance_ms, step.to) {
        (Some(ms), None) => i64::try_from(ms)
            .ok()
            .and_then(TimeDelta::try_milliseconds)
            .and_then(|by| now.checked_add_signed(by))
            .ok_or_else(|| refused(format!("can't move the clock by {ms} ms")))?,
        (None, Some(to)) => to,
        _ => return Err(refused("give either advance_ms or to".to_owned())),
    };
    admin.replay.clock.check(target).map_err(|error| refused(error.to_string()))?;
    let moved = tokio::task::spawn_blocking(move || {
        let mut at = now;
        while at < target {
            at = next_stop(at).min(target);
            admin.replay.clock.set(at).map_err(|error| refused(error.to_string()))?;
            admin.trading.tick()?;
        }
        Ok::<_, ApiError>(admin)
    });
    let moved = moved.await.map_err(|_| refused("the sandbox is stopping".to_owned()))?;
    Ok(Json(written(&moved?.replay)))
}

async fn disturbed(State(admin): State<Admin>) -> Json<Disturb> {
    Json(admin.disturbances.get())
}

/// Sets the shares of events that are sent twice, late, or not at all.
async fn disturb(
    State(admin): State<Admin>,
    Json(disturb): Json<Disturb>,
) -> Result<Json<Disturb>, ApiError> {
    let shares = [disturb.duplicate, disturb.reorder, disturb.drop_connection];
    if let Some(share) = shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        return Err(ApiError::plain(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("share {share} is not from 0 to 1"),
        ));
    }
    admin.disturbances.set(disturb);
    Ok(Json(disturb))
}

async fn calm(State(admin): State<Admin>) -> StatusCode {
    admin.disturbances.set(Disturb::default());
    StatusCode::NO_CONTENT
}

/// Returns the next instant worth a look: a minute on, or the next opening.
fn next_stop(at: DateTime<Utc>) -> DateTime<Utc> {
    match hours::session_at(at) {
        Some(session) => (at + STRIDE).min(session.close),
        None => hours::next_open(at),
    }
}

fn written(replay: &Replay) -> Value {
    json!({ "now": stamp(replay.clock.now()), "pace": replay.clock.pace().to_string() })
}
