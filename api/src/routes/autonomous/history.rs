//! What the caller's agent had sent, and what is still open.

use axum::{Json, extract::State};
use jobs::db::{agent_views, decisions::Decision, orders};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    routes::{
        ai::{WindowQuery, action_word},
        trading::{amount::number, order_view::OrderView},
    },
    state::AppState,
    timestamp,
};

/// The most open orders that are shown.
const MOST_OPEN: i64 = 500;

/// A decision that led to an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionView {
    /// The decision's id.
    id: Uuid,
    decision_id: Uuid,
    order_id: Option<Uuid>,
    symbol: String,
    /// `buy` or `sell`.
    action: &'static str,
    /// `pending_execution`, `executed`, `filled`, `rejected` or `failed`.
    status: &'static str,
    /// Whether the order was sent, as far as is known.
    success: bool,
    confidence: f64,
    reasoning: String,
    filled_price: Option<f64>,
    /// Why it came to nothing.
    error: Option<String>,
    timestamp: String,
}

impl From<Decision> for ExecutionView {
    fn from(decision: Decision) -> Self {
        let status = decision.status.as_str();
        Self {
            id: decision.id,
            decision_id: decision.id,
            order_id: decision.order_id,
            symbol: decision.symbol,
            action: action_word(decision.action),
            status,
            success: !matches!(status, "rejected" | "failed" | "skipped" | "expired"),
            confidence: number(decision.confidence),
            reasoning: decision.reasoning,
            filled_price: decision.filled_price.map(number),
            error: decision.skip_reason,
            timestamp: timestamp::text(decision.created_at),
        }
    }
}

/// Returns the caller's decisions that led to an order, newest first.
#[utoipa::path(
    get, path = "/api/autonomous/execution-history", operation_id = "execution_history", tag = "autonomous",
    params(WindowQuery),
    responses((status = 200, body = [ExecutionView])), security(("session" = []))
)]
pub(super) async fn executions(
    actor: Actor,
    Query(window): Query<WindowQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<ExecutionView>>> {
    let (limit, offset) = window.read(100)?;
    let mut conn = state.pool.acquire().await?;
    let rows = agent_views::executions(&mut conn, actor.user_id, limit, offset).await?;
    Ok(Json(rows.into_iter().map(ExecutionView::from).collect()))
}

/// Returns the caller's orders that may still do something, newest first.
#[utoipa::path(
    get, path = "/api/autonomous/open-orders", operation_id = "open_orders", tag = "autonomous",
    responses((status = 200, body = [OrderView])), security(("session" = []))
)]
pub(super) async fn open_orders(
    actor: Actor,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<OrderView>>> {
    let mut conn = state.pool.acquire().await?;
    let open = orders::open(&mut conn, Some(actor.user_id), MOST_OPEN).await?;
    Ok(Json(open.into_iter().map(OrderView::from).collect()))
}
