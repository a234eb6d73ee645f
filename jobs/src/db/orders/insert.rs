//! Recording what was asked for, before anything is sent.

use domain::order::{OrderRequest, Trail, client_order_id};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Origin, announce::announce};

/// An order to be recorded. The ids of the row and of its job are known beforehand, so that both
/// can name each other.
#[derive(Debug, Clone, Copy)]
pub struct NewOrder<'a> {
    /// The order's id.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// What is asked for.
    pub request: &'a OrderRequest,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it only takes a position away.
    pub reduces: bool,
    /// The order that it is to take the place of.
    pub replaces: Option<Uuid>,
    /// The strategy that asks for it.
    pub strategy_id: Option<Uuid>,
    /// The decision behind it.
    pub decision_id: Option<Uuid>,
    /// The trace of the request.
    pub trace_id: Option<&'a str>,
    /// The job that will send it.
    pub job_id: Uuid,
}

/// Inserts a pending order; its client order id is derived from its id here, once.
pub async fn insert(conn: &mut PgConnection, order: NewOrder<'_>) -> sqlx::Result<()> {
    let request = order.request;
    let (trail_price, trail_percent) = match request.trail {
        Some(Trail::Price(price)) => (Some(price), None),
        Some(Trail::Percent(percent)) => (None, Some(percent)),
        None => (None, None),
    };
    sqlx::query!(
        "insert into orders (order_id, user_id, client_order_id, replaces_order_id, symbol, side, order_type,
                             time_in_force, order_class, qty, notional, limit_price, stop_price, trail_price,
                             trail_percent, take_profit_limit_price, stop_loss_stop_price,
                             stop_loss_limit_price, extended_hours, origin, reduces, strategy_id,
                             decision_id, trace_id, job_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                 $21, $22, $23, $24, $25)",
        order.id,
        order.user_id,
        client_order_id(order.id.as_u128()),
        order.replaces,
        request.symbol,
        request.side.as_str(),
        request.order_type.as_str(),
        request.time_in_force.as_str(),
        request.class.as_str(),
        request.amount.units(),
        request.amount.notional(),
        request.limit_price,
        request.stop_price,
        trail_price,
        trail_percent,
        request.take_profit,
        request.stop_loss.map(|leg| leg.stop_price),
        request.stop_loss.and_then(|leg| leg.limit_price),
        request.extended_hours,
        order.origin.as_str(),
        order.reduces,
        order.strategy_id,
        order.decision_id,
        order.trace_id,
        order.job_id
    )
    .execute(&mut *conn)
    .await?;
    announce(conn, order.id).await
}
