//! The ledger: every accepted order once, and how often it was asked for.
//!
//! What a test of lost answers looks at: an order asked for five times must be accepted once.
//! The provider has no such thing, so it lives under `/sandbox`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::exchange::{Exchange, Order};
use crate::trading::TradingState;

pub(crate) fn routes() -> Router<TradingState> {
    Router::new().route("/sandbox/ledger", get(show)).route("/sandbox/reset", post(reset))
}

async fn show(State(state): State<TradingState>) -> Json<Value> {
    Json(state.act(|exchange, _| ledger(exchange)))
}

async fn reset(State(state): State<TradingState>) -> Result<StatusCode, ApiError> {
    state.act(|exchange, market| exchange.reset(market))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns `{"orders", "posts", "accepted", "duplicates"}`.
///
/// `orders` holds every accepted order but the legs of groups, oldest first; `posts` of an order
/// counts the placement requests that carried its client id, refused ones and those whose answer
/// was lost included. An order no placement asked for (a replacement, the closing of a position)
/// has 0 of them. The other three count all placement requests, those accepted, and those
/// refused because their client id had been used.
pub fn ledger(exchange: &Exchange) -> Value {
    let book = exchange.book();
    let entry = |order: &Order| {
        let posts = book.posts.by_client_id.get(&order.client_order_id).copied();
        json!({
            "client_order_id": order.client_order_id,
            "order_id": order.id,
            "symbol": order.symbol,
            "side": order.side,
            "qty": order.qty.map(|qty| qty.normalize().to_string()),
            "notional": order.notional.map(|notional| notional.normalize().to_string()),
            "status": order.status,
            "filled_qty": order.filled_qty.normalize().to_string(),
            "accepted_at": order.submitted_at,
            // A placement without a client id was asked for once, under no name.
            "posts": posts.unwrap_or_else(|| u64::from(order.posted)),
        })
    };
    let orders: Vec<Value> = book.orders.iter().filter(|order| order.parent.is_none()).map(entry).collect();
    json!({
        "orders": orders,
        "posts": book.posts.total,
        "accepted": book.orders.iter().filter(|order| order.posted).count(),
        "duplicates": book.posts.duplicates,
    })
}
