//! An operator's word on an order that was halted.

use axum::{Json, extract::State, http::StatusCode};
use domain::{order::OrderStatus, reconciliation::Mismatch};
use jobs::{
    db::{audit, orders},
    kinds::adopt_order::AdoptOrder,
    queue::{Enqueue, enqueue},
    trading,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::reason::Reasoned;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Body, Id, May, may::AdminDanger},
    routes::trading::{order_view::OrderView, place::not_enqueued, source::Seen},
    state::AppState,
};

/// An adoption that was queued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Adoption {
    order_id: Uuid,
    /// The job; one that waited already stands for it. Its output says what was recorded, its last
    /// error why the order was left as it is.
    job_id: Uuid,
    /// `queued`.
    status: &'static str,
}

/// Ends a halted order as refused: what the broker has under its id is not this order. Fills that were
/// recorded stay; what the broker has beyond them belongs to nobody until reconciliation says so.
/// Nothing is asked of the broker: cancel its order there if it is still open.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/disown", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "order_disown",
    request_body = Reasoned,
    responses(
        (status = 200, body = OrderView),
        (status = 403, description = "Needs `admin:danger`."),
        (status = 404, description = "There is no such order."),
        (status = 409, description = "`ORDER_NOT_HALTED`: it is not halted."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn disown(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<OrderView>> {
    let reason = body.required()?;
    let mut tx = state.pool.begin().await?;
    let before = orders::lock(&mut tx, id).await?.ok_or_else(|| ApiError::not_found("order"))?;
    if !orders::disown(&mut tx, id, &reason).await? {
        return Err(not_halted(before.status));
    }
    let order = orders::by_id(&mut tx, id).await?.ok_or_else(|| ApiError::not_found("order"))?;
    let entry = audit::Entry {
        reason: Some(reason),
        before: Some(json!({ "status": before.status.as_str(), "filledQty": before.filled_qty,
                             "code": before.reject_code, "message": before.reject_message })),
        trace_id: order.trace_id.clone(),
        ..operator.entry("disown_order", "order", id, json!({ "status": order.status.as_str() }))
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(OrderView::from(order)))
}

/// Queues the adoption of a halted order: what the broker has under its id is this order, after all.
///
/// A worker asks the broker; then the order's amount, state and fills become the broker's, if it is still
/// halted. Never taken are another symbol or side, fewer fills than are recorded, and fills whose shares
/// reconciliation may have accounted for: the job then ends with `ORDER_NOT_ADOPTABLE` and the order stays
/// halted. What is being adopted already is not adopted twice.
#[utoipa::path(
    post, path = "/api/admin/orders/{id}/adopt", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "order_adopt",
    request_body = Reasoned,
    responses(
        (status = 202, body = Adoption),
        (status = 403, description = "Needs `admin:danger`."),
        (status = 404, description = "There is no such order."),
        (status = 409, description = "`ORDER_NOT_HALTED`: it is not halted."),
        (status = 422, description = "`ORDER_NOT_ADOPTABLE`: it was halted for another symbol or side."),
        (status = 503, description = "No broker is configured, or it has not answered lately."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn adopt(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<(StatusCode, Json<Adoption>)> {
    let reason = body.required()?;
    let mut tx = state.pool.begin().await?;
    let order = orders::lock(&mut tx, id).await?.ok_or_else(|| ApiError::not_found("order"))?;
    if order.status != OrderStatus::Halted {
        return Err(not_halted(order.status));
    }
    let another = [Mismatch::Symbol, Mismatch::Side].map(Mismatch::as_str);
    if order.reject_code.as_deref().is_some_and(|code| another.contains(&code)) {
        let difference = order.reject_message.unwrap_or_default();
        let message = format!("the broker has another order under its id: {difference}");
        return Err(ApiError::unprocessable(codes::ORDER_NOT_ADOPTABLE, message));
    }
    let seen = Seen::load(&mut tx, &state).await?;
    if !seen.is_live() {
        return Err(seen.refusal());
    }
    let mut options = Enqueue::default().tag(format!("order:{id}"));
    if let Some(trace_id) = &operator.client.trace_id {
        options = options.trace_id(trace_id);
    }
    let job = AdoptOrder { order_id: id, actor_id: operator.user_id, reason: reason.clone() };
    let queued = enqueue(&mut tx, &job, options).await.map_err(not_enqueued)?;
    if queued.inserted {
        let after = json!({ "jobId": queued.job_id });
        let entry =
            audit::Entry { reason: Some(reason), ..operator.entry("request_adoption", "order", id, after) };
        audit::record(&mut tx, entry).await?;
    }
    tx.commit().await?;
    state.hints.jobs(trading::QUEUE);
    Ok((StatusCode::ACCEPTED, Json(Adoption { order_id: id, job_id: queued.job_id, status: "queued" })))
}

fn not_halted(status: OrderStatus) -> ApiError {
    ApiError::conflict(codes::ORDER_NOT_HALTED, format!("the order is {status}, not halted"))
}
