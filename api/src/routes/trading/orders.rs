//! Reading orders.

use axum::{Json, extract::State, response::Response};
use chrono::{DateTime, Utc};
use domain::order::OrderStatus;
use jobs::db::{
    fills,
    orders::{self, Filter, Order},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    fills::FillView,
    order_view::{EnrichedOrder, OrderView, brokers_shape},
    source::{Seen, Source},
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Name, Query},
    pagination::{Page, PageQuery, Paged},
    state::AppState,
};

/// Which orders to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OrdersQuery {
    /// `open`, `closed`, `all`, or the word of one state.
    #[param(example = "open")]
    status: Option<String>,
    /// Only orders of this symbol.
    symbol: Option<String>,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderList {
    /// Newest first.
    orders: Vec<OrderView>,
    #[serde(rename = "_source")]
    source: Source,
}

/// The latest orders, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecentOrders {
    /// Newest first.
    orders: Vec<EnrichedOrder>,
    #[serde(rename = "_source")]
    source: Source,
}

/// An order with what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderReply {
    order: OrderView,
    /// The orders that it brought with it, oldest first.
    legs: Vec<OrderView>,
    /// Oldest first.
    fills: Vec<FillView>,
    #[serde(rename = "_source")]
    source: Source,
}

/// Returns the caller's orders, newest first.
///
/// When another page follows, the headers `X-Next-Cursor` and `Link` say where it starts.
#[utoipa::path(
    get, path = "/api/orders", operation_id = "list_orders", tag = "trading", params(OrdersQuery, PageQuery),
    responses((status = 200, body = OrderList)), security(("session" = []))
)]
pub(super) async fn list(
    actor: Actor,
    page: Page,
    Query(query): Query<OrdersQuery>,
    State(state): State<AppState>,
) -> ApiResult<Response> {
    let mut conn = state.pool.acquire().await?;
    let paged = read(&mut conn, &actor, &page, query).await?;
    let source = Seen::load(&mut conn, &state).await?.source;
    Ok(paged
        .wrapped(|orders| OrderList { orders: orders.into_iter().map(OrderView::from).collect(), source }))
}

/// Returns the caller's orders, newest first, as a plain array.
///
/// When another page follows, the headers `X-Next-Cursor` and `Link` say where it starts.
#[utoipa::path(
    get, path = "/api/trading/orders", operation_id = "plain_orders", tag = "trading", params(OrdersQuery, PageQuery),
    responses((status = 200, body = [OrderView])), security(("session" = []))
)]
pub(super) async fn plain(
    actor: Actor,
    page: Page,
    Query(query): Query<OrdersQuery>,
    State(state): State<AppState>,
) -> ApiResult<Paged<OrderView>> {
    let mut conn = state.pool.acquire().await?;
    Ok(read(&mut conn, &actor, &page, query).await?.map(OrderView::from))
}

/// Returns the caller's orders in the broker's shape, newest first, as a plain array.
///
/// `id` is ours; the broker's is `broker_order_id`. When another page follows, the headers
/// `X-Next-Cursor` and `Link` say where it starts.
#[utoipa::path(
    get, path = "/api/alpaca/orders", operation_id = "brokers_orders", tag = "trading", params(OrdersQuery, PageQuery),
    responses((status = 200, body = [Object])), security(("session" = []))
)]
pub(super) async fn brokers(
    actor: Actor,
    page: Page,
    Query(query): Query<OrdersQuery>,
    State(state): State<AppState>,
) -> ApiResult<Paged<Value>> {
    let mut conn = state.pool.acquire().await?;
    Ok(read(&mut conn, &actor, &page, query).await?.map(|order| brokers_shape(&order)))
}

/// Returns the caller's latest orders, in numbers.
#[utoipa::path(
    get, path = "/api/orders/recent", operation_id = "recent_orders", tag = "trading", params(PageQuery),
    responses((status = 200, body = RecentOrders)), security(("session" = []))
)]
pub(super) async fn recent(actor: Actor, page: Page, State(state): State<AppState>) -> ApiResult<Response> {
    let mut conn = state.pool.acquire().await?;
    let query = OrdersQuery { status: None, symbol: None };
    let paged = read(&mut conn, &actor, &page, query).await?;
    let source = Seen::load(&mut conn, &state).await?.source;
    Ok(paged.wrapped(|orders| RecentOrders {
        orders: orders.into_iter().map(|order| EnrichedOrder::new(order, &source)).collect(),
        source: source.clone(),
    }))
}

/// Returns one order with its fills; the id may be ours or the broker's.
#[utoipa::path(
    get, path = "/api/orders/{id}", operation_id = "order", tag = "trading",
    params(("id" = String, Path, description = "Our id or the broker's")),
    responses((status = 200, body = OrderReply)), security(("session" = []))
)]
pub(super) async fn one(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
) -> ApiResult<Json<OrderReply>> {
    let mut conn = state.pool.acquire().await?;
    let order = own(&mut conn, &actor, &id).await?;
    let legs = orders::legs(&mut conn, order.id).await?;
    let fills = fills::for_order(&mut conn, actor.user_id, order.id).await?;
    let source = Seen::load(&mut conn, &state).await?.source;
    Ok(Json(OrderReply {
        order: order.into(),
        legs: legs.into_iter().map(OrderView::from).collect(),
        fills: fills.into_iter().map(FillView::from).collect(),
        source,
    }))
}

/// Returns one order in the broker's shape; the id may be ours or the broker's.
#[utoipa::path(
    get, path = "/api/alpaca/orders/{id}", operation_id = "brokers_order", tag = "trading",
    params(("id" = String, Path, description = "Our id or the broker's")),
    responses((status = 200, body = Object)), security(("session" = []))
)]
pub(super) async fn brokers_one(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
) -> ApiResult<Json<Value>> {
    let mut conn = state.pool.acquire().await?;
    let order = own(&mut conn, &actor, &id).await?;
    let legs = orders::legs(&mut conn, order.id).await?;
    let mut shape = brokers_shape(&order);
    if !legs.is_empty() {
        shape["legs"] = legs.iter().map(brokers_shape).collect();
    }
    Ok(Json(shape))
}

/// Returns the caller's order with the id, ours or the broker's, or 404.
pub(super) async fn own(conn: &mut PgConnection, actor: &Actor, id: &str) -> ApiResult<Order> {
    orders::find(conn, actor.user_id, id).await?.ok_or_else(|| ApiError::not_found("order"))
}

async fn read(
    conn: &mut PgConnection,
    actor: &Actor,
    page: &Page,
    query: OrdersQuery,
) -> ApiResult<Paged<Order>> {
    let limit = page.limit(50);
    let filter = Filter {
        statuses: statuses(query.status.as_deref())?,
        symbol: symbol(query.symbol.as_deref())?,
        after: page.after()?,
        ..Filter::default()
    };
    let found = orders::list(conn, actor.user_id, &filter, limit + 1).await?;
    page.reply(found, limit, key)
}

fn key(order: &Order) -> (DateTime<Utc>, Uuid) {
    (order.created_at, order.id)
}

/// Returns the states that `word` stands for; none stands for all.
fn statuses(word: Option<&str>) -> ApiResult<Vec<OrderStatus>> {
    let word = word.unwrap_or_default().trim().to_ascii_lowercase();
    let which =
        |over: bool| OrderStatus::ALL.iter().copied().filter(|status| status.is_terminal() == over).collect();
    match word.as_str() {
        "" | "all" => Ok(Vec::new()),
        "open" => Ok(which(false)),
        "closed" => Ok(which(true)),
        // As half of the world spells it.
        "cancelled" => Ok(vec![OrderStatus::Canceled]),
        word => {
            if let Ok(status) = word.parse() {
                return Ok(vec![status]);
            }
            let known: Vec<&str> = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
            let known = known.join(", ");
            let message = format!("status {word:?} is unknown, use open, closed, all or one of {known}");
            Err(ApiError::bad_request(codes::INVALID_QUERY, message))
        }
    }
}

/// Returns the symbol that a query names, in upper case.
pub(super) fn symbol(sent: Option<&str>) -> ApiResult<Option<String>> {
    let text = sent.unwrap_or_default().trim().to_ascii_uppercase();
    if text.contains('\0') {
        return Err(ApiError::bad_request(codes::INVALID_QUERY, "symbol holds the character U+0000"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_group_or_a_state() {
        let count = |word: Option<&str>| statuses(word).expect("a known word").len();
        assert_eq!((count(None), count(Some("all")), count(Some(""))), (0, 0, 0));
        assert_eq!(count(Some("open")) + count(Some("CLOSED")), OrderStatus::ALL.len());
        assert_eq!(statuses(Some("cancelled")).expect("a known word"), [OrderStatus::Canceled]);
        assert_eq!(statuses(Some("pending_new")).expect("a known word"), [OrderStatus::PendingNew]);
        let refused = statuses(Some("no")).expect_err("no state");
        assert_eq!(refused.code(), codes::INVALID_QUERY);
        assert!(refused.to_string().contains("partially_filled"), "{refused}");
    }
}
