//! An operator's word on an order that was halted.

use axum::{Json, extract::State};
use jobs::db::{audit, orders};
use serde_json::json;
use uuid::Uuid;

use super::reason::Reasoned;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Body, Id, May, may::AdminDanger},
    routes::trading::order_view::OrderView,
    state::AppState,
};

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
        let message = format!("the order is {}, not halted", before.status.as_str());
        return Err(ApiError::conflict(codes::ORDER_NOT_HALTED, message));
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
