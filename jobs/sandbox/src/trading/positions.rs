//! Positions: show and close.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use super::TradingState;
use super::query::{Given, Parameters};
use crate::error::ApiError;
use crate::exchange::{Portion, Refusal, positive};

pub(super) fn routes() -> Router<TradingState> {
    Router::new()
        .route("/v2/positions", get(list).delete(close_all))
        .route("/v2/positions/{symbol_or_id}", get(show).delete(close))
}

async fn list(State(state): State<TradingState>) -> Json<Value> {
    Json(state.act(|exchange, market| exchange.positions(market)))
}

async fn show(
    State(state): State<TradingState>,
    Path(symbol): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(state.act(|exchange, market| exchange.position(market, &symbol))?))
}

async fn close(
    State(state): State<TradingState>,
    Path(symbol): Path<String>,
    Query(given): Parameters,
) -> Result<Json<Value>, ApiError> {
    let portion = portion(Given(&given))?;
    Ok(Json(state.act(|exchange, market| exchange.close_position(market, &symbol, portion))?))
}

async fn close_all(
    State(state): State<TradingState>,
    Query(given): Parameters,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let cancel_orders = Given(&given).flag("cancel_orders")?;
    let answers = state.act(|exchange, market| exchange.close_all_positions(market, cancel_orders))?;
    Ok((StatusCode::MULTI_STATUS, Json(answers)))
}

fn portion(given: Given<'_>) -> Result<Portion, Refusal> {
    let amount = |name: &str| given.text(name).map(|text| positive(name, &text.into())).transpose();
    match (amount("qty")?, amount("percentage")?) {
        (None, None) => Ok(Portion::All),
        (Some(qty), None) if qty.scale() <= 9 => Ok(Portion::Qty(qty)),
        (Some(_), None) => Err(Refusal::field("qty must have at most 9 decimal places")),
        (None, Some(percentage)) => Ok(Portion::Percentage(percentage)),
        (Some(_), Some(_)) => Err(Refusal::field("only one of qty or percentage is accepted")),
    }
}
