//! Trade updates: what the stream tells about every step of an order.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Exchange;
use super::change::Fill;
use super::order_object::{amount, instant};

/// One event of the `trade_updates` stream.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeUpdate {
    /// The wire word, such as `new` or `partial_fill`.
    pub event: &'static str,
    /// The `data` of the message.
    pub data: Arc<Value>,
}

impl Exchange {
    /// Announces that order `number` reached `event` at `at`.
    pub(super) fn announce(&mut self, event: &'static str, number: usize, at: DateTime<Utc>) {
        let order = &self.book.orders[number];
        let name = format!("{event} {} {}", order.filled_qty, at.timestamp_micros());
        let data = json!({
            "event": event,
            "execution_id": self.chance().id("event", number as u64, &name),
            "order": self.object(order, false),
            "timestamp": instant(at.max(order.submitted_at)),
        });
        self.updates.push(TradeUpdate { event, data: Arc::new(data) });
    }

    /// Announces an execution of order `number`, after which `position` shares are held.
    pub(super) fn announce_fill(&mut self, number: usize, fill: &Fill, position: Decimal) {
        let event = if fill.leaves_qty.is_zero() { "fill" } else { "partial_fill" };
        let order = &self.book.orders[number];
        let data = json!({
            "event": event,
            "execution_id": fill.id,
            "order": self.object(order, false),
            "timestamp": instant(fill.at),
            "price": amount(fill.price),
            "qty": amount(fill.qty),
            "position_qty": amount(position),
        });
        self.updates.push(TradeUpdate { event, data: Arc::new(data) });
    }
}
