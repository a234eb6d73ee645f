//! Orders: place, list, look up, replace, cancel.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use uuid::Uuid;

use super::TradingState;
use super::query::{Given, Parameters};
use crate::error::ApiError;
use crate::exchange::{OrderId, OrderQuery, Refusal, StatusFilter};

type Answer = Result<Json<Value>, ApiError>;

pub(super) fn routes() -> Router<TradingState> {
    Router::new()
        .route("/v2/orders", post(place).get(list).delete(cancel_all))
        .route("/v2/orders/{order_id}", get(show).patch(replace).delete(cancel))
        .route("/v2/orders:by_client_order_id", get(by_client_order_id))
}

async fn place(State(state): State<TradingState>, body: Bytes) -> Answer {
    // A body that is no JSON is still a request the ledger counts.
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Json(state.act(|exchange, market| exchange.place(market, &body))?))
}

async fn list(State(state): State<TradingState>, Query(given): Parameters) -> Answer {
    let query = order_query(Given(&given))?;
    Ok(Json(state.act(|exchange, _| exchange.orders(&query))))
}

async fn show(State(state): State<TradingState>, Path(id): Path<String>, Query(given): Parameters) -> Answer {
    let (id, nested) = (order_id(&id)?, Given(&given).flag("nested")?);
    Ok(Json(state.act(|exchange, _| exchange.order(id, nested))?))
}

async fn by_client_order_id(State(state): State<TradingState>, Query(given): Parameters) -> Answer {
    let given = Given(&given);
    let id = given.text("client_order_id").ok_or_else(|| Refusal::field("client_order_id is required"))?;
    let nested = given.flag("nested")?;
    Ok(Json(state.act(|exchange, _| exchange.order_by_client_id(id, nested))?))
}

async fn replace(State(state): State<TradingState>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = order_id(&id)?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| Refusal::body())?;
    Ok(Json(state.act(|exchange, market| exchange.replace(market, id, &body))?))
}

async fn cancel(State(state): State<TradingState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = order_id(&id)?;
    state.act(|exchange, market| exchange.cancel(market, id))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cancel_all(State(state): State<TradingState>) -> Result<(StatusCode, Json<Value>), ApiError> {
    let answers = state.act(|exchange, market| exchange.cancel_all(market))?;
    Ok((StatusCode::MULTI_STATUS, Json(answers)))
}

fn order_id(text: &str) -> Result<OrderId, Refusal> {
    Uuid::parse_str(text).map(OrderId).map_err(|_| Refusal::not_found(format!("order not found for {text}")))
}

fn order_query(given: Given<'_>) -> Result<OrderQuery, Refusal> {
    let status = match given.text("status") {
        None | Some("open") => StatusFilter::Open,
        Some("closed") => StatusFilter::Closed,
        Some("all") => StatusFilter::All,
        Some(text) => return Err(Refusal::field(format!("invalid status: {text}"))),
    };
    let symbols = given.text("symbols").unwrap_or_default().split(',');
    Ok(OrderQuery {
        status,
        limit: given.count("limit", 50, 500)?,
        after: given.time("after")?,
        until: given.time("until")?,
        ascending: given.ascending()?,
        nested: given.flag("nested")?,
        symbols: symbols.filter(|text| !text.is_empty()).map(str::to_uppercase).collect(),
        side: given.word("side")?,
        before_order_id: given.parsed("before_order_id")?.map(OrderId),
        after_order_id: given.parsed("after_order_id")?.map(OrderId),
    })
}
