//! Asking for the end of an order.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jobs::trading::{self, Cancel};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{order_view::OrderView, orders::own, place::not_enqueued};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Name},
    routes::backtests::cancel::cancel_reason,
    state::AppState,
};

/// Why an order is canceled, when its owner says nothing.
const UNSAID: &str = "canceled by its owner";

/// Why the order is canceled.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct CancelBody {
    /// Shown in the audit log; at most 500 characters.
    #[serde(default)]
    reason: Option<String>,
}

/// What the request did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelView {
    success: bool,
    /// The order as it stands: `canceled` if it was never sent.
    order: OrderView,
    /// The job that asks the broker; null when it need not be asked.
    work_item_id: Option<Uuid>,
}

/// Cancels an order.
///
/// One that was never sent is canceled in the reply; for any other the broker is asked, and an
/// `order:update` event says what became of it: a fill may come first. From now on it is not sent
/// again. 409 `ALREADY_FINISHED` for one that is over.
#[utoipa::path(
    post, path = "/api/orders/{id}/cancel", operation_id = "cancel_order", tag = "trading",
    params(("id" = String, Path, description = "Our id or the broker's")),
    request_body = CancelBody,
    responses((status = 200, body = CancelView), (status = 409, description = "The order is over.")),
    security(("session" = []))
)]
pub(super) async fn cancel(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
    Body(body): Body<CancelBody>,
) -> ApiResult<Json<CancelView>> {
    let reason = cancel_reason(body.reason)?;
    end(&state, &actor, &id, reason.as_deref()).await.map(Json)
}

/// Cancels an order, as `POST /api/orders/{id}/cancel` does.
#[utoipa::path(
    delete, path = "/api/orders/{id}", operation_id = "delete_order", tag = "trading",
    params(("id" = String, Path, description = "Our id or the broker's")),
    responses(
        (status = 204, description = "It is canceled, or the broker is being asked."),
        (status = 409, description = "The order is over.")),
    security(("session" = []))
)]
pub(super) async fn delete(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
) -> ApiResult<Response> {
    end(&state, &actor, &id, None).await?;
    Ok(nothing())
}

/// Cancels an order, as `POST /api/orders/{id}/cancel` does.
#[utoipa::path(
    delete, path = "/api/alpaca/orders/{id}", operation_id = "delete_order_as_broker", tag = "trading",
    params(("id" = String, Path, description = "Our id or the broker's")),
    responses(
        (status = 204, description = "It is canceled, or the broker is being asked."),
        (status = 409, description = "The order is over.")),
    security(("session" = []))
)]
pub(super) async fn delete_as_broker(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
) -> ApiResult<Response> {
    end(&state, &actor, &id, None).await?;
    Ok(nothing())
}

/// Clients choose their parser by the content type, also of nothing.
fn nothing() -> Response {
    (StatusCode::NO_CONTENT, [(header::CONTENT_TYPE, "application/json")]).into_response()
}

async fn end(state: &AppState, actor: &Actor, id: &str, reason: Option<&str>) -> ApiResult<CancelView> {
    let mut tx = state.pool.begin().await?;
    let order = own(&mut tx, actor, id).await?;
    let user = actor.user_id;
    let trace_id = actor.client.trace_id.as_deref();
    let reason = reason.unwrap_or(UNSAID);
    let done = trading::cancel(&mut tx, Some(user), user, order.id, reason, trace_id).await;
    let work_item_id = match done.map_err(not_enqueued)? {
        Cancel::Canceled => None,
        Cancel::Requested { job_id } => Some(job_id),
        Cancel::AlreadyOver(status) => {
            let status = status.as_str();
            return Err(ApiError::conflict(
                codes::ALREADY_FINISHED,
                format!("the order is {status} already"),
            )
            .with_details(json!({ "status": status })));
        }
        Cancel::Unknown => return Err(ApiError::not_found("order")),
    };
    let order = own(&mut tx, actor, &order.id.to_string()).await?;
    tx.commit().await?;
    state.hints.jobs(trading::QUEUE);
    state.hints.events();
    Ok(CancelView { success: true, order: order.into(), work_item_id })
}
