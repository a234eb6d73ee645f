//! What a halted order takes over from the broker, because an operator says so.

use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Order;

/// Gives a halted order the amount that the broker has, shares or money, and forgets why it was halted.
/// `false` when it is not halted. [`super::overrule`] does the rest, and tells of it, in the same
/// transaction.
pub async fn take_amount(
    conn: &mut PgConnection,
    id: Uuid,
    qty: Option<Decimal>,
    notional: Option<Decimal>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update orders
            set qty = $2, notional = $3, reject_code = null, reject_message = null,
                updated_at = clock_timestamp()
          where order_id = $1
            and status = 'halted'",
        id,
        qty,
        notional
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns whether reconciliation has corrected the position that the order trades in since the order
/// was asked for: shares that the order traded unseen may be accounted for by that.
///
/// Ask after its fills were recorded: from then on the position can't be corrected by what it was before.
pub async fn position_was_corrected(conn: &mut PgConnection, order: &Order) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from audit_log
                           where resource = 'position'
                             and resource_id = $1
                             and action = 'correct_position'
                             and recorded_at > $2) as "corrected!""#,
        format!("{}:{}", order.user_id, order.symbol),
        order.created_at
    )
    .fetch_one(conn)
    .await
}
