//! The steps of an order that we take ourselves; each says from which states it may be taken.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Order, announce::announce, read::orders};
use crate::db::word::Word;
use domain::order::{OrderClass, OrderStatus, OrderType, Side, TimeInForce};

use super::Origin;

/// Returns the order, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Order>> {
    orders!("where o.order_id = $1 for no key update", id).fetch_optional(conn).await
}

/// Whether an order may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// It may: from here on the broker may have it.
    Begun,
    /// It has left the states in which it may be sent, or its cancellation was asked for.
    Refused,
}

/// Marks the order as being sent; the time is kept as [`Order::last_sent_at`].
///
/// Nothing that was canceled, or whose cancellation was asked for, is sent.
pub async fn begin_sending(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Sending> {
    let first = sqlx::query_scalar!(
        r#"with before as (select order_id, status from orders where order_id = $1 for no key update)
           update orders as o
              set status = 'submitting', last_sent_at = clock_timestamp(), updated_at = clock_timestamp()
             from before
            where o.order_id = before.order_id
              and o.status in ('pending', 'submitting')
              and o.cancel_requested_at is null
           returning before.status = 'pending' as "first!""#,
        id
    )
    .fetch_optional(&mut *conn)
    .await?;
    match first {
        Some(true) => announce(conn, id).await.map(|()| Sending::Begun),
        Some(false) => Ok(Sending::Begun),
        None => Ok(Sending::Refused),
    }
}

/// Cancels an order that was never sent; `false` when it has left `pending`.
pub async fn cancel_unsent(conn: &mut PgConnection, id: Uuid, reason: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update orders
            set status = 'canceled', canceled_at = clock_timestamp(),
                cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
                cancel_reason = coalesce(cancel_reason, $2), updated_at = clock_timestamp()
          where order_id = $1
            and status = 'pending'",
        id,
        reason
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Ends an order that was never sent as `expired`, `rejected` or `canceled`; `false` when it has
/// left `pending`. `code` is the rule or reason.
pub async fn end_before_sending(
    conn: &mut PgConnection,
    id: Uuid,
    status: OrderStatus,
    code: &str,
    message: &str,
) -> sqlx::Result<bool> {
    end(conn, id, OrderStatus::Pending, status, code, message, None).await
}

/// Records that the broker refused the order, for good; `false` when it is not being sent.
pub async fn reject_sent(
    conn: &mut PgConnection,
    id: Uuid,
    code: &str,
    message: &str,
    raw: Option<&Value>,
) -> sqlx::Result<bool> {
    end(conn, id, OrderStatus::Submitting, OrderStatus::Rejected, code, message, raw).await
}

/// Ends the order if it stands where expected.
pub(super) async fn end(
    conn: &mut PgConnection,
    id: Uuid,
    from: OrderStatus,
    to: OrderStatus,
    code: &str,
    message: &str,
    raw: Option<&Value>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update orders
            set status = $3, reject_code = $4, reject_message = $5, raw = coalesce($6, raw),
                canceled_at = case when $3 = 'canceled' then clock_timestamp() end,
                expired_at = case when $3 = 'expired' then clock_timestamp() end,
                failed_at = case when $3 = 'rejected' then clock_timestamp() end,
                updated_at = clock_timestamp()
          where order_id = $1
            and status = $2",
        id,
        from.as_str(),
        to.as_str(),
        code,
        message,
        raw
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Notes on an order that may have been sent why nobody sends it again: reconciliation will find
/// out what became of it.
pub async fn mark_ended(conn: &mut PgConnection, id: Uuid, code: &str, message: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update orders
            set reject_code = $2, reject_message = $3, updated_at = clock_timestamp()
          where order_id = $1
            and status = 'submitting'",
        id,
        code,
        message
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Halts an order that the broker has otherwise than we do: an operator decides about it. `false`
/// when it is over, was never sent, or is halted already.
pub async fn halt(conn: &mut PgConnection, id: Uuid, code: &str, message: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update orders
            set status = 'halted', reject_code = $2, reject_message = $3, updated_at = clock_timestamp()
          where order_id = $1
            and status not in ('pending', 'halted', 'filled', 'canceled', 'rejected', 'expired', 'replaced')",
        id,
        code,
        message
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Ends a halted order as refused, because an operator found that whatever the broker has is not this
/// order: fills that were recorded stay. `false` when it is not halted.
pub async fn disown(conn: &mut PgConnection, id: Uuid, reason: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update orders
            set status = 'rejected', reject_code = 'DISOWNED', reject_message = $2,
                failed_at = clock_timestamp(), updated_at = clock_timestamp()
          where order_id = $1
            and status = 'halted'",
        id,
        reason
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// What a request to cancel did.
#[derive(Debug, Clone, PartialEq)]
pub enum CancelRequest {
    /// It was never sent: it is canceled.
    Canceled,
    /// The broker has it, or may have it: it has to be asked. The order as it stands.
    Requested(Box<Order>),
    /// It was over already.
    AlreadyOver(OrderStatus),
    /// There is no such order.
    Unknown,
}

/// Asks for the order's cancellation: one that was never sent ends here, any other is marked, so
/// that nobody sends it again.
pub async fn request_cancel(conn: &mut PgConnection, id: Uuid, reason: &str) -> sqlx::Result<CancelRequest> {
    let Some(order) = lock(conn, id).await? else { return Ok(CancelRequest::Unknown) };
    if order.status.is_terminal() {
        return Ok(CancelRequest::AlreadyOver(order.status));
    }
    if cancel_unsent(conn, id, reason).await? {
        return Ok(CancelRequest::Canceled);
    }
    sqlx::query!(
        "update orders
            set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
                cancel_reason = coalesce(cancel_reason, $2), updated_at = clock_timestamp()
          where order_id = $1",
        id,
        reason
    )
    .execute(conn)
    .await?;
    Ok(CancelRequest::Requested(Box::new(order)))
}

pub(super) async fn announce_if(conn: &mut PgConnection, id: Uuid, changed: u64) -> sqlx::Result<bool> {
    if changed == 1 {
        announce(conn, id).await?;
    }
    Ok(changed == 1)
}
