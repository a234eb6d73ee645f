//! One event of the stream becomes news of an order.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::Left;
use crate::{
    broker::{TradeEvent, TradeEventKind},
    db::{
        broker_state,
        fills::Source,
        orders::{self, Execution, Order, Seen},
    },
    environment::Environment,
    kinds::sync_orders::SyncOrders,
    queue::{Enqueue, Term, enqueue},
    trading,
};

/// An order that we do not know may be a leg, or be recorded in a moment: it is read again then.
const LATER: std::time::Duration = std::time::Duration::from_secs(1);

/// Applies an event in a transaction of its own, in this term.
pub(super) async fn apply(env: &Environment, term: &Term, event: &TradeEvent) -> Result<(), Left> {
    let mut tx = env.pool.begin().await?;
    term.assert(&mut tx).await?;
    if let Some(order) = find(&mut tx, event).await? {
        let seen = Seen { order: &event.order, execution: execution(event) };
        trading::absorb(&mut tx, &order, &seen, Source::Stream).await?;
    } else {
        let options = Enqueue::default().delay(LATER);
        let enqueued = enqueue(&mut tx, &SyncOrders::default(), options).await;
        enqueued.map_err(|error| Left::Lost(error.to_string()))?;
    }
    if let Some(execution) = execution(event) {
        broker_state::store_price(&mut tx, &event.order.symbol, execution.price, execution.at).await?;
    }
    tx.commit().await?;
    env.hints.events();
    Ok(())
}

async fn find(conn: &mut PgConnection, event: &TradeEvent) -> sqlx::Result<Option<Order>> {
    match orders::by_client_id(conn, &event.order.client_order_id).await? {
        Some(order) => Ok(Some(order)),
        None => orders::by_broker_id(conn, &event.order.id).await,
    }
}

/// Returns the execution that the event tells of, if it makes sense.
fn execution(event: &TradeEvent) -> Option<Execution> {
    if !matches!(event.kind, TradeEventKind::Fill | TradeEventKind::PartialFill) {
        return None;
    }
    let positive = |number: Option<Decimal>| number.filter(|number| *number > Decimal::ZERO);
    Some(Execution {
        id: event.execution_id.clone(),
        price: positive(event.price)?,
        qty: positive(event.qty)?,
        at: event.at,
    })
}
