//! The events that tell an owner about an order and what it brought.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::decisions;

/// Appends an `order:update` event with the order's present state, and lets the decision behind it follow.
///
/// The body: `{orderId, brokerOrderId, clientOrderId, status, symbol, side, qty, notional, filledQty,
/// filledAvgPrice, type, timeInForce, reason, updatedAt}`; quantities and prices are text.
pub(super) async fn announce(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        r#"insert into events (user_id, name, subject_id, body)
           select user_id, 'order:update', order_id,
                  jsonb_build_object(
                      'orderId', order_id,
                      'brokerOrderId', broker_order_id,
                      'clientOrderId', client_order_id,
                      'status', status,
                      'symbol', symbol,
                      'side', side,
                      'qty', trim_scale(qty)::text,
                      'notional', trim_scale(notional)::text,
                      'filledQty', trim_scale(filled_qty)::text,
                      'filledAvgPrice', trim_scale(filled_avg_price)::text,
                      'type', order_type,
                      'timeInForce', time_in_force,
                      'reason', reject_message,
                      'updatedAt',
                      to_char(updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
             from orders
            where order_id = $1"#,
        id
    )
    .execute(&mut *conn)
    .await?;
    decisions::follow(conn, id).await
}

/// Appends an `order:fill` event about one fill.
///
/// The body: `{orderId, fillId, symbol, side, qty, price, filledQty, filledAvgPrice, partial,
/// occurredAt}`; quantities and prices are text.
pub(super) async fn announce_fill(conn: &mut PgConnection, fill_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        r#"insert into events (user_id, name, subject_id, body)
           select o.user_id, 'order:fill', o.order_id,
                  jsonb_build_object(
                      'orderId', o.order_id,
                      'fillId', f.fill_id,
                      'symbol', f.symbol,
                      'side', f.side,
                      'qty', trim_scale(f.qty)::text,
                      'price', trim_scale(f.price)::text,
                      'filledQty', trim_scale(o.filled_qty)::text,
                      'filledAvgPrice', trim_scale(o.filled_avg_price)::text,
                      'partial', o.status <> 'filled',
                      'occurredAt',
                      to_char(f.occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
             from fills f
             join orders o on o.order_id = f.order_id
            where f.fill_id = $1"#,
        fill_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
