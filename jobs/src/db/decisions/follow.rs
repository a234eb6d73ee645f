//! A decision follows its order.

use sqlx::PgConnection;
use uuid::Uuid;

use super::announce;

/// Brings the decision behind the order `order_id`, if there is one, to where the order stands; called
/// with every change of an order, in its transaction.
///
/// An order that took the place of a decision's order becomes the decision's once the broker has it.
pub(crate) async fn follow(conn: &mut PgConnection, order_id: Uuid) -> sqlx::Result<()> {
    let changed = sqlx::query_scalar!(
        "with told as (
             select o.order_id, o.decision_id, o.replaces_order_id, o.status,
                    case when o.status = 'filled' then 'filled'
                         when o.status in ('pending', 'submitting') then 'pending_execution'
                         when o.filled_qty > 0 then 'executed'
                         when o.status = 'rejected' then 'rejected'
                         when o.status = 'expired' then 'expired'
                         when o.status = 'canceled' then 'failed'
                         when o.status in ('halted', 'replaced') then null
                         else 'executed'
                    end as becomes,
                    case when o.status in ('rejected', 'expired', 'canceled')
                         then coalesce(o.reject_message, o.cancel_reason, 'the order is ' || o.status)
                    end as reason
               from orders o
              where o.order_id = $1 and o.decision_id is not null)
         update ai_decisions d
            set status = coalesce(told.becomes, d.status), skip_reason = coalesce(told.reason, d.skip_reason),
                order_id = told.order_id, updated_at = clock_timestamp()
           from told
          where d.decision_id = told.decision_id
            and (d.order_id = told.order_id
                 or d.order_id = told.replaces_order_id
                    and told.status in ('new', 'accepted', 'partially_filled', 'filled'))
            and (d.status is distinct from coalesce(told.becomes, d.status) or d.order_id <> told.order_id)
         returning d.decision_id",
        order_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    match changed {
        Some(id) => announce(conn, id).await,
        None => Ok(()),
    }
}
