//! Reading orders.

use chrono::{DateTime, Utc};
use domain::order::{OrderClass, OrderStatus, OrderType, Side, TimeInForce};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Order, Origin};
use crate::db::word::Word;

/// Selects whole orders; the rest of the statement follows.
macro_rules! orders {
    ($rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Order,
            r#"select o.order_id as id, o.user_id, o.client_order_id, o.broker, o.broker_order_id,
                      o.parent_order_id, o.replaces_order_id, o.symbol, o.side as "side!: Word<Side>",
                      o.order_type as "order_type!: Word<OrderType>",
                      o.time_in_force as "time_in_force!: Word<TimeInForce>",
                      o.order_class as "class!: Word<OrderClass>", o.qty, o.notional, o.limit_price,
                      o.stop_price, o.trail_price, o.trail_percent, o.take_profit_limit_price,
                      o.stop_loss_stop_price, o.stop_loss_limit_price, o.extended_hours,
                      o.status as "status!: Word<OrderStatus>", o.filled_qty, o.filled_avg_price,
                      o.origin as "origin!: Word<Origin>", o.reduces, o.strategy_id, o.decision_id,
                      o.trace_id, o.job_id, o.reject_code, o.reject_message, o.cancel_requested_at,
                      o.cancel_reason, o.last_sent_at, o.submitted_at, o.filled_at, o.expired_at,
                      o.canceled_at, o.failed_at, o.broker_updated_at, o.raw, o.created_at, o.updated_at
                 from orders as o "# + $rest
            $(, $argument)*
        )
    };
}
pub(super) use orders;

/// Returns the order `id` of whoever owns it: for handlers, never for a user's request.
pub async fn by_id(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Order>> {
    orders!("where o.order_id = $1", id).fetch_optional(conn).await
}

/// Returns the order of `user_id` with the given id, ours or the broker's; another user's is `None`.
pub async fn find(conn: &mut PgConnection, user_id: Uuid, id: &str) -> sqlx::Result<Option<Order>> {
    if let Ok(ours) = id.parse::<Uuid>() {
        let found = orders!("where o.order_id = $1 and o.user_id = $2", ours, user_id);
        if let Some(order) = found.fetch_optional(&mut *conn).await? {
            return Ok(Some(order));
        }
    }
    orders!("where o.broker_order_id = $1 and o.user_id = $2", id, user_id).fetch_optional(conn).await
}

/// Returns the order that the broker knows as `broker_order_id`.
pub async fn by_broker_id(conn: &mut PgConnection, broker_order_id: &str) -> sqlx::Result<Option<Order>> {
    orders!("where o.broker_order_id = $1", broker_order_id).fetch_optional(conn).await
}

/// Returns the order that was, or would be, sent as `client_order_id`.
pub async fn by_client_id(conn: &mut PgConnection, client_order_id: &str) -> sqlx::Result<Option<Order>> {
    orders!("where o.client_order_id = $1", client_order_id).fetch_optional(conn).await
}

/// Returns the legs that came with the order, in the order in which they were first seen.
pub async fn legs(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Order>> {
    orders!("where o.parent_order_id = $1 order by o.created_at, o.order_id", id).fetch_all(conn).await
}

/// Returns the order that is to take the place of `id`, the newest if there are several.
pub async fn replacement_of(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Order>> {
    orders!("where o.replaces_order_id = $1 order by o.created_at desc, o.order_id desc limit 1", id)
        .fetch_optional(conn)
        .await
}

/// Returns the orders of `user_id` that a decision led to, oldest first.
pub async fn of_decision(
    conn: &mut PgConnection,
    user_id: Uuid,
    decision_id: Uuid,
) -> sqlx::Result<Vec<Order>> {
    orders!(
        "where o.user_id = $1 and o.decision_id = $2 order by o.created_at, o.order_id",
        user_id,
        decision_id
    )
    .fetch_all(conn)
    .await
}

/// Which orders to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only orders in one of these states; in any when empty.
    pub statuses: Vec<OrderStatus>,
    /// Only of this symbol.
    pub symbol: Option<String>,
    /// Only of this strategy.
    pub strategy_id: Option<Uuid>,
    /// Only orders after this `(created_at, id)` in the list's order.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// Returns up to `limit` orders of `user_id`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    user_id: Uuid,
    filter: &Filter,
    limit: i64,
) -> sqlx::Result<Vec<Order>> {
    let statuses: Vec<String> = filter.statuses.iter().map(ToString::to_string).collect();
    let (created_at, id) = filter.after.unzip();
    orders!(
        "where o.user_id = $1
           and (cardinality($2::text[]) = 0 or o.status = any ($2))
           and ($3::text is null or o.symbol = $3)
           and ($4::uuid is null or o.strategy_id = $4)
           and ($5::timestamptz is null or (o.created_at, o.order_id) < ($5, $6::uuid))
         order by o.created_at desc, o.order_id desc
         limit $7",
        user_id,
        &statuses,
        filter.symbol.as_deref(),
        filter.strategy_id,
        created_at,
        id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns up to `limit` orders of `user_id` in any state, newest first.
pub async fn recent(conn: &mut PgConnection, user_id: Uuid, limit: i64) -> sqlx::Result<Vec<Order>> {
    list(conn, user_id, &Filter::default(), limit).await
}

/// Returns the orders of `user_id` that may still do something, newest first, at most `limit`;
/// everybody's for `None`.
pub async fn open(conn: &mut PgConnection, user_id: Option<Uuid>, limit: i64) -> sqlx::Result<Vec<Order>> {
    orders!(
        "where o.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
           and ($1::uuid is null or o.user_id = $1)
         order by o.created_at desc, o.order_id desc
         limit $2",
        user_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns the orders of `user_id` in `symbol` that may still do something, oldest first.
pub async fn open_of_symbol(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
) -> sqlx::Result<Vec<Order>> {
    orders!(
        "where o.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced')
           and o.user_id = $1
           and o.symbol = $2
         order by o.created_at, o.order_id",
        user_id,
        symbol
    )
    .fetch_all(conn)
    .await
}

/// Returns the orders of `user_id` in `symbol` on `side` asked for since `since`, that were not
/// refused, newest first: among them a repetition would be found.
pub async fn similar_since(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
    side: Side,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<Order>> {
    orders!(
        "where o.user_id = $1
           and o.symbol = $2
           and o.side = $3
           and o.created_at >= $4
           and o.status <> 'rejected'
         order by o.created_at desc",
        user_id,
        symbol,
        side.as_str(),
        since
    )
    .fetch_all(conn)
    .await
}
