//! What was heard of an order at the broker, and whether it can be one of ours.

use chrono::{DateTime, Utc};
use domain::reconciliation::Mismatch;
use rust_decimal::Decimal;

use super::Order;
use crate::broker::BrokerOrder;

/// An execution that an event told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The broker's id of it.
    pub id: Option<String>,
    /// What a share cost.
    pub price: Decimal,
    /// Shares of this execution.
    pub qty: Decimal,
    /// When.
    pub at: DateTime<Utc>,
}

/// An order as the broker told of it, perhaps with the execution that made it so.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// The order, legs included when they were asked for.
    pub order: &'a BrokerOrder,
    /// The execution, when the news is one.
    pub execution: Option<Execution>,
}

/// Returns news without an execution: an answer or a poll.
pub fn seen(order: &BrokerOrder) -> Seen<'_> {
    Seen { order, execution: None }
}

impl Order {
    /// Returns why the broker's order can't be this one, or be trusted: in words.
    pub(super) fn contradiction(&self, seen: &BrokerOrder) -> Option<String> {
        if seen.symbol != self.symbol || seen.side != self.side {
            return Some(format!(
                "the broker's order is to {} {}, ours to {} {}",
                seen.side, seen.symbol, self.side, self.symbol
            ));
        }
        if self.broker_order_id.as_ref().is_some_and(|known| *known != seen.id) {
            return Some(format!("the broker calls it {}, but it is {:?}", seen.id, self.broker_order_id));
        }
        if !seen.status.is_brokers() {
            return Some(format!("{} is no word of a broker", seen.status));
        }
        if self.qty.is_some_and(|qty| seen.filled_qty > qty) {
            return Some(format!("{} filled of {:?}", seen.filled_qty, self.qty));
        }
        None
    }

    /// Returns how an order that was found under our client order id differs from ours, and what
    /// the first difference is in; `None` when it is ours. Symbol, side and amount are compared.
    pub fn difference(&self, seen: &BrokerOrder) -> Option<(Mismatch, String)> {
        let mut differences = Vec::new();
        if seen.symbol != self.symbol {
            differences
                .push((Mismatch::Symbol, format!("symbol {} instead of {}", seen.symbol, self.symbol)));
        }
        if seen.side != self.side {
            differences.push((Mismatch::Side, format!("side {} instead of {}", seen.side, self.side)));
        }
        if self.qty.is_some() && seen.qty != self.qty {
            differences.push((Mismatch::Quantity, unlike("qty", seen.qty, self.qty)));
        }
        // The broker turns money into shares: what was asked for stays beside them, if it says so.
        if self.notional.is_some() && seen.notional.is_some() && seen.notional != self.notional {
            differences.push((Mismatch::Quantity, unlike("notional", seen.notional, self.notional)));
        }
        let first = differences.first()?.0;
        let words: Vec<_> = differences.into_iter().map(|(_, words)| words).collect();
        Some((first, words.join(", ")))
    }
}

fn unlike(name: &str, seen: Option<Decimal>, ours: Option<Decimal>) -> String {
    let said = |amount: Option<Decimal>| amount.map_or_else(|| "none".to_owned(), |it| it.to_string());
    format!("{name} {} instead of {}", said(seen), said(ours))
}
