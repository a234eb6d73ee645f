//! Rows and answers in the terms of the comparison.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{
    order::{Amount, Progress},
    reconciliation::{HeldPosition, OurOrder, TheirOrder},
};
use rust_decimal::Decimal;

use crate::{
    broker::{BrokerOrder, Position as BrokerPosition},
    db::{orders::Order, positions::Position},
};

/// Returns our order as it is compared; `ahead` is how far the broker's clock is before ours.
pub(super) fn ours(order: &Order, ahead: TimeDelta) -> OurOrder {
    OurOrder {
        client_order_id: order.client_order_id.clone(),
        broker_order_id: order.broker_order_id.clone(),
        symbol: order.symbol.clone(),
        side: order.side,
        amount: order.request().amount,
        progress: Progress {
            status: order.status,
            filled_qty: order.filled_qty,
            updated_at: order.broker_updated_at.unwrap_or(order.updated_at + ahead),
        },
        sent_at: order.last_sent_at.map(|at| at + ahead),
    }
}

/// Returns the broker's order as it is compared with `our` row of it. The broker may say shares,
/// too, of an order for money.
pub(super) fn theirs(order: &BrokerOrder, our: Option<&Order>) -> TheirOrder {
    let asked_for_money = our.is_some_and(|our| our.notional.is_some());
    let units = order.qty.map(Amount::Units);
    let money = order.notional.map(Amount::Notional);
    let amount = if asked_for_money { money.or(units) } else { units.or(money) };
    let known = our.map(|our| our.request().amount);
    TheirOrder {
        broker_order_id: order.id.clone(),
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol.clone(),
        side: order.side,
        amount: amount.or(known).unwrap_or(Amount::Units(Decimal::ZERO)),
        progress: Progress {
            status: order.status,
            filled_qty: order.filled_qty,
            updated_at: order.updated_at,
        },
    }
}

/// Returns our positions by symbol, all users' together.
pub(super) fn our_positions(positions: &[Position]) -> Vec<HeldPosition> {
    let mut by_symbol: BTreeMap<&str, (Decimal, Decimal)> = BTreeMap::new();
    for position in positions {
        let sum = by_symbol.entry(&position.symbol).or_default();
        sum.0 += position.qty;
        sum.1 = position.avg_entry_price;
    }
    by_symbol
        .into_iter()
        .map(|(symbol, (quantity, average_entry))| HeldPosition {
            symbol: symbol.to_owned(),
            quantity,
            average_entry,
        })
        .collect()
}

/// Returns the broker's positions.
pub(super) fn their_positions(positions: &[BrokerPosition]) -> Vec<HeldPosition> {
    positions
        .iter()
        .map(|position| HeldPosition {
            symbol: position.symbol.clone(),
            quantity: position.qty,
            average_entry: position.avg_entry_price,
        })
        .collect()
}
