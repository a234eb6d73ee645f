//! Executions and endings: the two ways an order moves on.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::Exchange;
use super::change::{Change, Fill};
use super::market::Market;
use super::order::Order;
use super::terms::Status;

impl Exchange {
    /// Fills `qty` shares of order `number` at `price`; at most what remains of it.
    pub(super) fn fill(
        &mut self,
        number: usize,
        qty: Decimal,
        price: Decimal,
        at: DateTime<Utc>,
        market: &dyn Market,
    ) {
        let order = self.book.orders[number].clone();
        let at = at.max(order.submitted_at);
        let cum_qty = order.filled_qty + qty;
        // A notional order is done with its one fill, whatever was expected of it.
        let leaves_qty = if order.notional.is_some() { Decimal::ZERO } else { order.remaining() - qty };
        let date = market.trading_date(at);
        let fill = Fill {
            id: self.chance().id("execution", self.book.fills.len() as u64, &order.client_order_id),
            order_id: order.id,
            symbol: order.symbol.clone(),
            side: order.side,
            qty,
            price,
            cum_qty,
            leaves_qty,
            at,
            date,
            day_trade: self.is_day_trade(&order, qty, date),
        };
        self.record(Change::Filled(Box::new(fill.clone())));
        let done = leaves_qty.is_zero();
        let filled_value = order.filled_value + qty * price;
        let status = match (done, order.status) {
            (true, _) => Status::Filled,
            (false, Status::PendingCancel) => Status::PendingCancel,
            (false, _) => Status::PartiallyFilled,
        };
        let filled_at = done.then_some(at);
        self.put(Order { filled_qty: cum_qty, filled_value, status, filled_at, ..order }, at);
        let position = self.book.position_qty(&fill.symbol);
        self.announce_fill(number, &fill, position);
        if done {
            self.after_fill(number, at);
        }
    }

    /// Ends order `number` as canceled, expired or rejected, and its group with it.
    pub(super) fn end(&mut self, number: usize, status: Status, at: DateTime<Utc>) {
        self.end_alone(number, status, at);
        self.after_end(number, at);
    }

    /// Ends order `number` and nothing else.
    pub(super) fn end_alone(&mut self, number: usize, status: Status, at: DateTime<Utc>) {
        let order = self.book.orders[number].clone();
        let at = at.max(order.submitted_at);
        let expired = status == Status::Expired;
        self.put(
            Order {
                status,
                expired_at: expired.then_some(at),
                canceled_at: (status == Status::Canceled).then_some(at),
                ..order
            },
            at,
        );
        self.announce(status.word(), number, at);
    }

    /// Whether the fill closes shares opened on `date`, counted once an order.
    fn is_day_trade(&self, order: &Order, qty: Decimal, date: chrono::NaiveDate) -> bool {
        let Some(position) = self.book.positions.get(&order.symbol) else { return false };
        let (today, _) = position.opened_at(date);
        let overnight = position.qty.abs() - today;
        let closes_todays = position.closing_side() == order.side && qty > overnight;
        let earlier = || {
            let fills = self.book.fills.iter().rev().take_while(|fill| fill.date == date);
            fills.into_iter().any(|fill| fill.order_id == order.id && fill.day_trade)
        };
        closes_todays && !(order.filled_qty > Decimal::ZERO && earlier())
    }
}
