//! Reading fills.

use axum::{Json, extract::State, response::Response};
use jobs::db::fills::{self, Fill, Filter};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    amount::text,
    orders::own,
    source::{Seen, Source},
};
use crate::{
    error::ApiResult,
    extract::{Actor, Name},
    pagination::{Page, PageQuery},
    state::AppState,
    timestamp,
};

/// A fill: one growth of an order's filled quantity. Amounts are text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FillView {
    id: Uuid,
    order_id: Uuid,
    broker_order_id: Option<String>,
    symbol: String,
    side: &'static str,
    qty: String,
    /// Of one share.
    price: String,
    occurred_at: String,
    /// What it gained, if it closed something.
    realized_pnl: Option<String>,
    /// The position after it; below zero when short.
    position_qty: String,
    /// How we heard of it: `stream`, `poll` or `ack`.
    source: &'static str,
    trace_id: Option<String>,
}

impl From<Fill> for FillView {
    fn from(fill: Fill) -> Self {
        Self {
            id: fill.id,
            order_id: fill.order_id,
            broker_order_id: fill.broker_order_id,
            symbol: fill.symbol,
            side: fill.side.as_str(),
            qty: text(fill.qty),
            price: text(fill.price),
            occurred_at: timestamp::text(fill.occurred_at),
            realized_pnl: fill.realized_pnl.map(text),
            position_qty: text(fill.position_qty),
            source: fill.source.as_str(),
            trace_id: fill.trace_id,
        }
    }
}

/// A page of fills.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FillList {
    /// Newest first.
    fills: Vec<FillView>,
    #[serde(rename = "_source")]
    source: Source,
}

/// Returns the caller's fills, newest first.
///
/// When another page follows, the headers `X-Next-Cursor` and `Link` say where it starts.
#[utoipa::path(
    get, path = "/api/fills", operation_id = "list_fills", tag = "trading", params(PageQuery),
    responses((status = 200, body = FillList)), security(("session" = []))
)]
pub(super) async fn list(actor: Actor, page: Page, State(state): State<AppState>) -> ApiResult<Response> {
    reply(&actor, &page, &state).await
}

/// Returns the caller's fills, as `/api/fills` does.
#[utoipa::path(
    get, path = "/api/orders/fills", operation_id = "list_fills_of_orders", tag = "trading", params(PageQuery),
    responses((status = 200, body = FillList)), security(("session" = []))
)]
pub(super) async fn list_below_orders(
    actor: Actor,
    page: Page,
    State(state): State<AppState>,
) -> ApiResult<Response> {
    reply(&actor, &page, &state).await
}

/// Returns the fills of one order, oldest first; the id may be ours or the broker's.
#[utoipa::path(
    get, path = "/api/fills/order/{id}", operation_id = "fills_of_order", tag = "trading",
    params(("id" = String, Path, description = "Our id or the broker's")),
    responses((status = 200, body = FillList)), security(("session" = []))
)]
pub(super) async fn of_order(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
) -> ApiResult<Json<FillList>> {
    let mut conn = state.pool.acquire().await?;
    let order = own(&mut conn, &actor, &id).await?;
    let fills = fills::for_order(&mut conn, actor.user_id, order.id).await?;
    let source = Seen::load(&mut conn, &state).await?.source;
    Ok(Json(FillList { fills: fills.into_iter().map(FillView::from).collect(), source }))
}

/// Returns the fills of one order, as `/api/fills/order/{id}` does.
#[utoipa::path(
    get, path = "/api/orders/fills/{id}", operation_id = "fills_below_orders", tag = "trading",
    params(("id" = String, Path, description = "Our id or the broker's")),
    responses((status = 200, body = FillList)), security(("session" = []))
)]
pub(super) async fn of_order_below_orders(
    actor: Actor,
    id: Name,
    state: State<AppState>,
) -> ApiResult<Json<FillList>> {
    of_order(actor, id, state).await
}

async fn reply(actor: &Actor, page: &Page, state: &AppState) -> ApiResult<Response> {
    let limit = page.limit(50);
    let filter = Filter { after: page.after()?, ..Filter::default() };
    let mut conn = state.pool.acquire().await?;
    let found = fills::list(&mut conn, actor.user_id, &filter, limit + 1).await?;
    let source = Seen::load(&mut conn, state).await?.source;
    let paged = page.reply(found, limit, |fill| (fill.occurred_at, fill.id))?;
    Ok(paged.wrapped(|fills| FillList { fills: fills.into_iter().map(FillView::from).collect(), source }))
}
