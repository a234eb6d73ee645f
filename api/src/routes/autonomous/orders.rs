//! The end of open orders, and holding our records against the broker's.

use std::cmp::Ordering;

use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use domain::order::OrderStatus;
use jobs::{
    db::orders::{self, Order},
    trading::{self, Cancel},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    routes::trading::{
        place::not_enqueued,
        reconcile::{Queued, StatusView, queue, standing},
        risk::decode::Fields,
    },
    state::AppState,
};

/// The most orders that one request ends.
const MOST: i64 = 1000;
/// An order is stale after so many minutes, unless the request says otherwise.
const STALE_MINUTES: i32 = 60;
/// The oldest age that a request may name, in minutes: a week.
const OLDEST_MINUTES: i32 = 10_080;

/// Which orders are stale.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"maxAgeMinutes": 60}))]
pub(super) struct StaleBody {
    /// Those older than this, 1 to 10080; 60 unless sent.
    max_age_minutes: Option<i32>,
}

/// What was canceled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CanceledView {
    success: bool,
    /// How many orders are canceled, or the broker is being asked about.
    cancelled_count: usize,
    /// Their ids, oldest first.
    order_ids: Vec<Uuid>,
    message: String,
}

/// Cancels the caller's open orders that are older than `maxAgeMinutes`.
///
/// One that was never sent is canceled in the reply; for the others the broker is asked.
#[utoipa::path(
    post, path = "/api/autonomous/cancel-stale-orders", operation_id = "cancel_stale_orders", tag = "autonomous",
    request_body = StaleBody,
    responses((status = 200, body = CanceledView)), security(("session" = []))
)]
pub(super) async fn cancel_stale(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<CanceledView>> {
    let mut fields = Fields::new(body)?;
    let minutes = fields.whole("maxAgeMinutes", 1, OLDEST_MINUTES);
    fields.check()?;
    let minutes = minutes.unwrap_or(STALE_MINUTES);
    let before = Utc::now() - TimeDelta::minutes(minutes.into());
    let reason = format!("it was open for more than {minutes} minutes");
    cancel(&state, &actor, Some(before), &reason).await.map(Json)
}

/// Cancels all open orders of the caller.
#[utoipa::path(
    post, path = "/api/autonomous/cancel-all-orders", operation_id = "cancel_all_orders", tag = "autonomous",
    responses((status = 200, body = CanceledView)), security(("session" = []))
)]
pub(super) async fn cancel_all(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<CanceledView>> {
    cancel(&state, &actor, None, "all orders are canceled by their owner").await.map(Json)
}

async fn cancel(
    state: &AppState,
    actor: &Actor,
    before: Option<DateTime<Utc>>,
    reason: &str,
) -> ApiResult<CanceledView> {
    let mut tx = state.pool.begin().await?;
    let user = actor.user_id;
    let mut open = orders::open(&mut tx, Some(user), MOST).await?;
    open.retain(|order| may_end(order, before));
    // Everybody who locks several orders does it in this order.
    open.sort_by(oldest_first);
    let mut order_ids = Vec::with_capacity(open.len());
    for order in open {
        let trace_id = actor.client.trace_id.as_deref();
        let done = trading::cancel(&mut tx, Some(user), user, order.id, reason, trace_id).await;
        if let Cancel::Canceled | Cancel::Requested { .. } = done.map_err(not_enqueued)? {
            order_ids.push(order.id);
        }
    }
    tx.commit().await?;
    state.hints.jobs(trading::QUEUE);
    state.hints.events();
    let cancelled_count = order_ids.len();
    let message = format!("{cancelled_count} orders are being canceled");
    Ok(CanceledView { success: true, cancelled_count, order_ids, message })
}

/// Returns whether a request for all orders, or all those made before `before`, means this one: a leg
/// ends with its entry, and a halted order is an operator's.
fn may_end(order: &Order, before: Option<DateTime<Utc>>) -> bool {
    order.parent_order_id.is_none()
        && order.status != OrderStatus::Halted
        && before.is_none_or(|before| order.created_at < before)
}

fn oldest_first(a: &Order, b: &Order) -> Ordering {
    (a.created_at, a.id).cmp(&(b.created_at, b.id))
}

/// Queues a reconciliation of positions with the broker, as `POST /api/trading/reconcile` does.
#[utoipa::path(
    post, path = "/api/autonomous/sync-positions", operation_id = "sync_positions", tag = "autonomous",
    responses((status = 200, body = Queued), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn sync_positions(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Queued>> {
    queue(&state, &actor).await.map(Json)
}

/// How our records stand against the broker's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReconciledView {
    success: bool,
    #[serde(flatten)]
    status: StatusView,
}

/// Returns what the last reconciliation found; `POST /api/autonomous/sync-positions` asks for one.
#[utoipa::path(
    get, path = "/api/autonomous/reconcile-positions", operation_id = "reconcile_positions", tag = "autonomous",
    responses((status = 200, body = ReconciledView)), security(("session" = []))
)]
pub(super) async fn reconcile_positions(
    actor: Actor,
    State(state): State<AppState>,
) -> ApiResult<Json<ReconciledView>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(ReconciledView { success: true, status: standing(&mut conn, &actor).await? }))
}
