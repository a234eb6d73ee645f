//! Waiting for what becomes of an order, for clients that know only a broker's own reply.

use std::{sync::Arc, time::Duration};

use domain::{order::OrderStatus, risk::Rule};
use jobs::db::{
    events::Event,
    orders::{self, Order},
};
use serde_json::json;
use tokio::{
    sync::broadcast::Receiver,
    time::{Instant, timeout, timeout_at},
};
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Actor,
    routes::backtests::submit::until_about,
    state::AppState,
};

/// How often the order is looked at without having been told to.
const LOOK: Duration = Duration::from_millis(500);

/// Returns the order once the broker has it or it is over, at the latest after
/// `api.run_wait_ms`; 422 when it was refused.
pub(super) async fn wait(
    state: &AppState,
    actor: &Actor,
    mut told: Receiver<Arc<Event>>,
    id: Uuid,
) -> ApiResult<Order> {
    let end = Instant::now() + Duration::from_millis(state.config.api.run_wait_ms);
    loop {
        let mut conn = state.pool.acquire().await?;
        let order = orders::find(&mut conn, actor.user_id, &id.to_string()).await?;
        drop(conn);
        let order = order.ok_or_else(|| ApiError::not_found("order"))?;
        if order.status == OrderStatus::Rejected {
            return Err(rejected(&order));
        }
        let open = matches!(order.status, OrderStatus::Pending | OrderStatus::Submitting);
        if !open || Instant::now() >= end {
            return Ok(order);
        }
        let _ = timeout_at(end, timeout(LOOK, until_about(&mut told, id))).await;
    }
}

fn rejected(order: &Order) -> ApiError {
    let reason = order.reject_code.as_deref().unwrap_or_default();
    let code = if reason == Rule::TradableAsset.as_str() {
        codes::ORDER_SYMBOL_UNKNOWN
    } else {
        codes::ORDER_REJECTED
    };
    let message = order.reject_message.as_deref().unwrap_or("the order was refused");
    ApiError::unprocessable(code, message).with_details(json!({ "orderId": order.id, "rule": reason }))
}
