//! The orders that an order brought with it: rows of their own, made when they are first seen.

use domain::order::Trail;
use sqlx::PgConnection;
use tracing::warn;
use uuid::Uuid;

use super::{
    Applied, Order,
    apply::{Word, apply_one},
    read, seen,
};
use crate::{broker::BrokerOrder, db::fills::Source};

/// Records what the broker said about the legs of `parent`, whose family is locked.
pub(super) async fn apply(
    conn: &mut PgConnection,
    parent: &Order,
    legs: &[BrokerOrder],
    source: Source,
) -> sqlx::Result<()> {
    for leg in legs {
        let known = match read::by_broker_id(conn, &leg.id).await? {
            Some(known) => Some(known),
            None if insert(conn, parent, leg).await? => read::by_broker_id(conn, &leg.id).await?,
            None => None,
        };
        let Some(known) = known.filter(|known| known.parent_order_id == Some(parent.id)) else {
            warn!(order.id = %parent.id, "leg {} of order {} is another order of ours", leg.id, parent.id);
            continue;
        };
        if let Applied::Illegal { reason } = apply_one(conn, &known, &seen(leg), source, Word::Heard).await? {
            warn!(order.id = %known.id, "news of leg {} was refused: {reason}", known.id);
        }
    }
    Ok(())
}

/// Makes the row of a leg, as sent; `false` when its client order id is taken, or it trades
/// something else than its entry.
async fn insert(conn: &mut PgConnection, parent: &Order, leg: &BrokerOrder) -> sqlx::Result<bool> {
    if leg.symbol != parent.symbol {
        return Ok(false);
    }
    let (trail_price, trail_percent) = match leg.trail {
        Some(Trail::Price(price)) => (Some(price), None),
        Some(Trail::Percent(percent)) => (None, Some(percent)),
        None => (None, None),
    };
    let made = sqlx::query!(
        "insert into orders (order_id, user_id, client_order_id, broker_order_id, parent_order_id, symbol,
                             side, order_type, time_in_force, qty, limit_price, stop_price, trail_price,
                             trail_percent, extended_hours, status, origin, reduces, strategy_id,
                             decision_id, trace_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10::numeric, $11::numeric), $12, $13, $14, $15, $16,
                 'submitting', 'broker', true, $17, $18, $19)
         on conflict do nothing",
        Uuid::now_v7(),
        parent.user_id,
        leg.client_order_id,
        leg.id,
        parent.id,
        leg.symbol,
        leg.side.as_str(),
        leg.order_type.as_str(),
        leg.time_in_force.as_str(),
        leg.qty,
        parent.qty,
        leg.limit_price,
        leg.stop_price,
        trail_price,
        trail_percent,
        leg.extended_hours,
        parent.strategy_id,
        parent.decision_id,
        parent.trace_id
    )
    .execute(conn)
    .await?;
    Ok(made.rows_affected() == 1)
}
