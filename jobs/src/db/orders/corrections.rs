//! Orders whose sending came to no end, for reconciliation.

use std::time::Duration;

use domain::order::{OrderClass, OrderStatus, OrderType, Side, TimeInForce};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Order, Origin, read::orders, transitions::end};
use crate::db::word::Word;

/// An order that may or may not be at the broker.
pub type Undecided = Order;

/// Returns the orders that were last sent longer than `age` ago and of which nothing was heard,
/// oldest first. Their jobs may still be at work: the caller looks.
pub async fn undecided(conn: &mut PgConnection, age: Duration, limit: i64) -> sqlx::Result<Vec<Undecided>> {
    orders!(
        "where o.status = 'submitting'
           and o.last_sent_at < clock_timestamp() - make_interval(secs => $1::float8)
         order by o.last_sent_at
         limit $2",
        age.as_secs_f64(),
        limit
    )
    .fetch_all(conn)
    .await
}

/// Ends an order of which the broker knows nothing, though it may have been sent; `false` when
/// something was heard of it meanwhile.
pub async fn end_unsent(
    conn: &mut PgConnection,
    id: Uuid,
    status: OrderStatus,
    code: &str,
    message: &str,
) -> sqlx::Result<bool> {
    end(conn, id, OrderStatus::Submitting, status, code, message, None).await
}
