//! Leaving positions by hand.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Body},
    routes::trading::risk::closing::{ClosedView, close},
    state::AppState,
};

/// What to close.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"symbol": "AAPL"}))]
pub(super) struct CloseBody {
    symbol: String,
    /// Kept in the audit log; at most 500 characters.
    reason: Option<String>,
}

/// Closes the caller's position in a symbol, as `POST /api/positions/close/{symbol}` does.
#[utoipa::path(
    post, path = "/api/autonomous/close-position", operation_id = "close_position", tag = "autonomous",
    request_body = CloseBody,
    responses(
        (status = 200, body = ClosedView),
        (status = 404, description = "The caller holds nothing of it."),
        (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn close_position(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<ClosedView>> {
    let symbol = symbol(&body)?;
    close(&state, &actor, Some(&symbol), body).await.map(Json)
}

/// Closes every position of the caller, as `POST /api/positions/close-all` does.
#[utoipa::path(
    post, path = "/api/autonomous/close-all-positions", operation_id = "close_all", tag = "autonomous",
    responses(
        (status = 200, body = ClosedView), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn close_all(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<ClosedView>> {
    close(&state, &actor, None, body).await.map(Json)
}

/// Returns the symbol that the body names, in upper case.
fn symbol(body: &Value) -> ApiResult<String> {
    let sent = body.get("symbol").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let sent =
        sent.ok_or_else(|| ApiError::invalid_field("symbol", "symbol must be the text of a symbol"))?;
    Ok(sent.to_ascii_uppercase())
}
