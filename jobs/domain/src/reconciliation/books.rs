//! What a correction does to the books, for whoever keeps them in memory and as the meaning that
//! a database must give it.

use chrono::{DateTime, Utc};

use super::{Correction, HeldPosition, OurOrder};
use crate::order::OrderStatus;

/// Applies `corrections` made at `now` to our orders and positions, in their order.
///
/// A correction of an order that is not there does nothing.
pub fn apply(
    orders: &mut Vec<OurOrder>,
    positions: &mut Vec<HeldPosition>,
    corrections: &[Correction],
    now: DateTime<Utc>,
) {
    for correction in corrections {
        match correction {
            Correction::Identify { client_order_id, broker_order_id } => {
                if let Some(order) = find(orders, client_order_id) {
                    order.broker_order_id = Some(broker_order_id.clone());
                }
            }
            Correction::Advance { client_order_id, to } | Correction::Overrule { client_order_id, to } => {
                if let Some(order) = find(orders, client_order_id) {
                    order.progress = *to;
                }
            }
            Correction::Resend { client_order_id } => {
                if let Some(order) = find(orders, client_order_id) {
                    order.sent_at = Some(now);
                }
            }
            Correction::Halt { client_order_id, .. } => {
                if let Some(order) = find(orders, client_order_id) {
                    order.progress.status = OrderStatus::Halted;
                }
            }
            Correction::Import { order } => orders.push(OurOrder {
                client_order_id: order.client_order_id.clone(),
                broker_order_id: Some(order.broker_order_id.clone()),
                symbol: order.symbol.clone(),
                side: order.side,
                amount: order.amount,
                progress: order.progress,
                sent_at: None,
            }),
            Correction::SetPosition { to, .. } => {
                positions.retain(|position| position.symbol != to.symbol);
                positions.push(to.clone());
            }
            Correction::RemovePosition { symbol, .. } => {
                positions.retain(|position| position.symbol != *symbol);
            }
        }
    }
}

fn find<'a>(orders: &'a mut [OurOrder], client_order_id: &str) -> Option<&'a mut OurOrder> {
    orders.iter_mut().find(|order| order.client_order_id == client_order_id)
}
