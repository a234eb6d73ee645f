//! Asking for an order: one path behind three addresses, each with its own reply.

mod outcome;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use domain::{
    order::{OrderError, OrderRequest},
    risk::{Refusal, Rule},
};
use jobs::{
    db::{orders::Order, strategies},
    queue::EnqueueError,
    trading::{self, PlaceRefused, PlaceRequest},
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    amount::number,
    idempotency::Key,
    order_view::{OrderView, brokers_shape},
    source::require_broker,
};
use crate::{
    error::{ApiError, ApiResult, ERROR_CODES, codes},
    extract::{Actor, Body},
    state::AppState,
    timestamp,
};

/// The body that asks for an order, in our words or the broker's (`limit_price`); numbers may be
/// sent as text, and unknown keys are ignored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"symbol": "AAPL", "side": "buy", "qty": 10, "type": "limit", "limitPrice": 187.5}))]
pub(super) struct OrderBody {
    symbol: String,
    /// `buy` or `sell`.
    side: String,
    /// Shares, up to 9 decimals; this or `notional`.
    qty: Option<f64>,
    /// US dollars; this or `qty`.
    notional: Option<f64>,
    /// `market` unless sent; or `limit`, `stop`, `stop_limit`, `trailing_stop`.
    r#type: Option<String>,
    /// `day` unless sent; or `gtc`, `opg`, `cls`, `ioc`, `fok`.
    time_in_force: Option<String>,
    limit_price: Option<f64>,
    stop_price: Option<f64>,
    trail_price: Option<f64>,
    trail_percent: Option<f64>,
    extended_hours: Option<bool>,
    /// `simple` unless sent; or `bracket`, `oco`, `oto`.
    order_class: Option<String>,
    /// `{limitPrice}`.
    #[schema(value_type = Option<Object>)]
    take_profit: Option<Value>,
    /// `{stopPrice, limitPrice?}`.
    #[schema(value_type = Option<Object>)]
    stop_loss: Option<Value>,
    /// The caller's strategy that it is for.
    strategy_id: Option<String>,
}

/// How one of the addresses replies.
struct Reply {
    path: &'static str,
    status: StatusCode,
    shape: fn(Order) -> ApiResult<Value>,
    /// Whether it says what the broker made of the order.
    waits: bool,
}

/// Accepts an order: it is recorded together with the job that sends it.
///
/// With an `Idempotency-Key` the same request gets the same reply, marked
/// `Idempotent-Replayed: true`, and no second order. 400 with the code of the field at fault, 422
/// with the rule that refuses it; nothing is recorded then.
#[utoipa::path(
    post, path = "/api/orders", operation_id = "place_order", tag = "trading", request_body = OrderBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters")),
    responses(
        (status = 201, body = OrderView),
        (status = 409, description = "The first request with this key is still at work."),
        (status = 422, description = "A limit or switch refuses it, or the key was used for another request."),
        (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn create(
    actor: Actor,
    State(state): State<AppState>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<Response> {
    let reply = Reply { path: "/api/orders", status: StatusCode::CREATED, shape: row, waits: false };
    submit(&state, &actor, &headers, &body, &reply).await
}

/// Accepts an order, as `POST /api/orders` does.
#[utoipa::path(
    post, path = "/api/trading/orders", operation_id = "place_order_in_trading", tag = "trading",
    request_body = OrderBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters")),
    responses(
        (status = 201, body = OrderView),
        (status = 409, description = "The first request with this key is still at work."),
        (status = 422, description = "A limit or switch refuses it, or the key was used for another request."),
        (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn create_in_trading(
    actor: Actor,
    State(state): State<AppState>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<Response> {
    let reply = Reply { path: "/api/trading/orders", status: StatusCode::CREATED, shape: row, waits: false };
    submit(&state, &actor, &headers, &body, &reply).await
}

/// Accepts an order, as `POST /api/orders` does, and replies in the broker's shape.
///
/// `id` is ours, and stays the order's id on every route. As the broker's clients expect, the reply
/// waits for what becomes of the order, up to two seconds; 422 when it is refused meanwhile. With
/// an `Idempotency-Key` it does not wait.
#[utoipa::path(
    post, path = "/api/alpaca/orders", operation_id = "place_order_as_broker", tag = "trading",
    request_body = OrderBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters")),
    responses(
        (status = 200, body = Object),
        (status = 409, description = "The first request with this key is still at work."),
        (status = 422, description = "A limit or switch refuses it, or the key was used for another request."),
        (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn create_as_broker(
    actor: Actor,
    State(state): State<AppState>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<Response> {
    let shape = |order: Order| Ok(brokers_shape(&order));
    let reply = Reply { path: "/api/alpaca/orders", status: StatusCode::OK, shape, waits: true };
    submit(&state, &actor, &headers, &body, &reply).await
}

/// Returns the order's row as JSON.
pub(super) fn row(order: Order) -> ApiResult<Value> {
    serde_json::to_value(OrderView::from(order)).map_err(ApiError::internal)
}

/// Checks the body; then key, order, job and reply in one transaction.
async fn submit(
    state: &AppState,
    actor: &Actor,
    headers: &HeaderMap,
    body: &Value,
    reply: &Reply,
) -> ApiResult<Response> {
    let request = OrderRequest::decode(body).map_err(invalid)?;
    let key = Key::read(headers, actor, Method::POST, reply.path, body)?;
    let mut tx = state.pool.begin().await?;
    if let Some(key) = &key
        && let Some(earlier) = key.begin(&mut tx).await?
    {
        return Ok(earlier);
    }
    require_broker(state)?;
    let wish = PlaceRequest {
        strategy_id: strategy(&mut tx, actor, body).await?,
        trace_id: actor.client.trace_id.clone(),
        ..PlaceRequest::by_user(actor.user_id, request)
    };
    let placed = trading::place(&mut tx, Some(actor.user_id), wish).await.map_err(refused)?;
    let id = placed.order.id;
    let answer = (reply.shape)(placed.order)?;
    if let Some(key) = &key {
        key.finish(&mut tx, reply.status, &answer).await?;
    }
    // Before anybody else knows the order, so that no event about it is missed.
    let told = (reply.waits && key.is_none()).then(|| state.hub.subscribe());
    tx.commit().await?;
    announce(state);
    let answer = match told {
        Some(told) => (reply.shape)(outcome::wait(state, actor, told, id).await?)?,
        None => answer,
    };
    Ok((reply.status, Json(answer)).into_response())
}

/// Wakes workers and streams after an order was accepted.
pub(in crate::routes) fn announce(state: &AppState) {
    state.hints.jobs(trading::QUEUE);
    state.hints.admissions();
    state.hints.events();
}

/// Returns the caller's strategy that the order is for, or 404.
async fn strategy(conn: &mut PgConnection, actor: &Actor, body: &Value) -> ApiResult<Option<Uuid>> {
    let sent = body.get("strategyId").or_else(|| body.get("strategy_id"));
    let Some(sent) = sent.filter(|value| !value.is_null()) else { return Ok(None) };
    let missing = || ApiError::not_found("strategy");
    let id: Uuid = sent.as_str().and_then(|text| text.parse().ok()).ok_or_else(missing)?;
    strategies::get(conn, actor.user_id, id).await?.ok_or_else(missing)?;
    Ok(Some(id))
}

/// Returns the refusal of a request that is no order: 400 with the fault's own code.
pub(super) fn invalid(error: OrderError) -> ApiError {
    let code = ERROR_CODES.iter().copied().find(|code| code.name() == error.code());
    let details = json!({ "field": error.field });
    ApiError::bad_request(code.unwrap_or(codes::INVALID_FIELD), error.message).with_details(details)
}

/// Returns the refusal of an order that a rule holds back: 422 with the rule and its figures.
pub(super) fn held_back(refusal: Refusal) -> ApiError {
    let code = match refusal.rule {
        Rule::TradableAsset => codes::ORDER_SYMBOL_UNKNOWN,
        _ => codes::RISK_REFUSED,
    };
    let details = json!({
        "rule": refusal.rule.as_str(),
        "limit": refusal.limit.map(number),
        "actual": refusal.actual.map(number),
        "until": refusal.until.map(timestamp::text),
    });
    ApiError::unprocessable(code, refusal.message).with_details(details)
}

fn refused(refused: PlaceRefused) -> ApiError {
    match refused {
        PlaceRefused::Invalid(error) => invalid(error),
        PlaceRefused::Risk(refusal) => held_back(refusal),
        PlaceRefused::Enqueue(error) => not_enqueued(error),
        PlaceRefused::Database(error) => error.into(),
    }
}

/// Nothing of ours is unique against earlier jobs in a way that refuses: only the database can.
pub(in crate::routes) fn not_enqueued(error: EnqueueError) -> ApiError {
    match error {
        EnqueueError::Database(error) => error.into(),
        other => ApiError::internal(other),
    }
}

#[cfg(test)]
mod tests {
    use domain::order::OrderFault;

    use super::*;

    #[test]
    fn every_fault_of_an_order_has_its_code() {
        for fault in OrderFault::ALL {
            let code = ERROR_CODES.iter().find(|code| code.name() == fault.as_str());
            let code = code.unwrap_or_else(|| panic!("{} is in no table", fault.as_str()));
            assert_eq!(code.status(), StatusCode::BAD_REQUEST, "{}", fault.as_str());
        }
    }
}
