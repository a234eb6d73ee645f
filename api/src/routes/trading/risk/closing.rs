//! Closing what the caller holds.
//!
//! Closing only takes exposure away, so it is allowed while the caller's kill switch is on: it then
//! counts as a liquidation. The orders that close are made by the jobs queued here, once nothing
//! else holds the shares.

use axum::{Json, extract::State};
use domain::order::Side;
use jobs::{
    db::{
        audit,
        orders::Origin,
        positions::{self, Position},
        risk, trading_views,
    },
    kinds::close_position::Portion,
    trading::{self, Close},
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    super::{amount::text, day, place::not_enqueued, source::require_broker},
    decode::Fields,
};
use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Body, Name},
    state::AppState,
};

/// A position that is being closed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct ClosingView {
    symbol: String,
    /// The side of the order that closes it.
    side: &'static str,
    qty: String,
    /// The job that closes it.
    work_item_id: Uuid,
}

/// What is being closed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct ClosedView {
    success: bool,
    positions_closing: usize,
    close_orders: Vec<ClosingView>,
    message: String,
}

/// What a liquidation does.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LiquidationView {
    success: bool,
    kill_switch_activated: bool,
    /// Orders that were open: the job cancels them first.
    orders_cancelled: i64,
    positions_closing: usize,
    close_orders: Vec<ClosingView>,
    work_item_id: Uuid,
    message: String,
}

/// Why it is done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReasonBody {
    /// Kept in the audit log; at most 500 characters.
    reason: Option<String>,
}

/// Closes every position of the caller.
#[utoipa::path(
    post, path = "/api/risk/close-all", operation_id = "close_all", tag = "trading",
    request_body = ReasonBody,
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

/// Closes every position of the caller, as `/api/risk/close-all` does.
#[utoipa::path(
    post, path = "/api/positions/close-all", operation_id = "close_positions", tag = "trading",
    request_body = ReasonBody,
    responses(
        (status = 200, body = ClosedView), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn close_positions(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<ClosedView>> {
    close(&state, &actor, None, body).await.map(Json)
}

/// Closes the caller's position in a symbol.
#[utoipa::path(
    post, path = "/api/positions/close/{id}", operation_id = "close_position", tag = "trading",
    params(("id" = String, Path, description = "The symbol")),
    request_body = ReasonBody,
    responses(
        (status = 200, body = ClosedView), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn close_one(
    actor: Actor,
    Name(symbol): Name,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<ClosedView>> {
    close(&state, &actor, Some(&symbol.to_ascii_uppercase()), body).await.map(Json)
}

/// Queues the end of all that the caller holds, or of `only` that symbol, which is upper case; 404 when
/// it is not held.
pub(in crate::routes) async fn close(
    state: &AppState,
    actor: &Actor,
    only: Option<&str>,
    body: Value,
) -> ApiResult<ClosedView> {
    let reason = reason(body)?;
    let mut tx = state.pool.begin().await?;
    let mut held = positions::list(&mut tx, actor.user_id).await?;
    if let Some(symbol) = only {
        held.retain(|position| position.symbol == symbol);
        if held.is_empty() {
            return Err(ApiError::not_found("position"));
        }
    }
    require_broker(state)?;
    let stopped = risk::settings(&mut tx, actor.user_id).await?.kill_switch;
    let origin = if stopped { Origin::Liquidation } else { Origin::Close };
    let close_orders = queue(&mut tx, actor, &held, origin).await?;
    let entry = audit::Entry {
        reason,
        after: Some(json!({ "symbols": held.iter().map(|position| &position.symbol).collect::<Vec<_>>() })),
        ..actor.entry("close_positions", "risk_closing", actor.user_id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.jobs(trading::QUEUE);
    let count = close_orders.len();
    Ok(ClosedView {
        success: true,
        positions_closing: count,
        close_orders,
        message: format!("{count} positions are being closed"),
    })
}

async fn queue(
    conn: &mut PgConnection,
    actor: &Actor,
    held: &[Position],
    origin: Origin,
) -> ApiResult<Vec<ClosingView>> {
    let mut closing = Vec::with_capacity(held.len());
    for position in held {
        let wish = Close {
            user_id: actor.user_id,
            symbol: &position.symbol,
            portion: Portion::All,
            origin,
            trace_id: actor.client.trace_id.as_deref(),
        };
        let job = trading::close(conn, &wish).await.map_err(not_enqueued)?;
        closing.push(ClosingView::new(position, job.job_id));
    }
    Ok(closing)
}

impl ClosingView {
    fn new(position: &Position, work_item_id: Uuid) -> Self {
        let side = if position.qty.is_sign_negative() { Side::Buy } else { Side::Sell };
        Self {
            symbol: position.symbol.clone(),
            side: side.as_str(),
            qty: text(position.qty.abs()),
            work_item_id,
        }
    }
}

/// Stops the caller's trading and ends everything: the kill switch goes on, open orders are
/// cancelled, then every position is closed.
#[utoipa::path(
    post, path = "/api/risk/emergency-liquidate", operation_id = "emergency_liquidate", tag = "trading",
    request_body = ReasonBody,
    responses(
        (status = 200, body = LiquidationView), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn liquidate(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<LiquidationView>> {
    let reason = reason(body)?.unwrap_or_else(|| "emergency liquidation".to_owned());
    let user = actor.user_id;
    let trace_id = actor.client.trace_id.as_deref();
    let mut tx = state.pool.begin().await?;
    // Whatever else fails: from the commit on nothing new is entered.
    let after = risk::kill_switch(&mut tx, Some(user), user, true, Some(&reason), trace_id).await?;
    if let Err(refused) = require_broker(&state) {
        tx.commit().await?;
        state.hints.events();
        return Err(refused);
    }
    let held = positions::list(&mut tx, user).await?;
    let figures = trading_views::figures(&mut tx, user, day::start(chrono::Utc::now())).await?;
    let job = trading::liquidate(&mut tx, user, &reason, trace_id).await.map_err(not_enqueued)?;
    let entry = audit::Entry {
        reason: Some(reason),
        after: Some(json!({ "openOrders": figures.open_orders, "positions": held.len() })),
        ..actor.entry("liquidate", "risk_closing", user.to_string())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.jobs(trading::QUEUE);
    state.hints.events();
    Ok(Json(LiquidationView {
        success: true,
        kill_switch_activated: after.kill_switch,
        orders_cancelled: figures.open_orders,
        positions_closing: held.len(),
        message: format!(
            "the kill switch is on; {} orders are being cancelled and {} positions closed",
            figures.open_orders,
            held.len()
        ),
        close_orders: held.iter().map(|position| ClosingView::new(position, job.job_id)).collect(),
        work_item_id: job.job_id,
    }))
}

fn reason(body: Value) -> ApiResult<Option<String>> {
    let mut fields = Fields::new(body)?;
    let reason = fields.reason();
    fields.check()?;
    Ok(reason)
}
