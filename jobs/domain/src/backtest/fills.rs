//! How orders, stops and targets of a running simulation are filled.

use super::book::{Booking, Position};
use super::event::{OrderType, Reason, Side};
use super::protection::Protection;
use super::simulation::Simulation;
use super::terms::{Ask, Terms};
use crate::bars::Series;

/// What was decided on a close and waits for its fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Order {
    /// Whether the position held is closed.
    pub closes: bool,
    /// The side opened afterwards.
    pub opens: Option<Side>,
    /// Where the position opened is left without a signal.
    pub protection: Protection,
}

impl<T: Terms> Simulation<'_, T> {
    /// Fills the orders of all symbols that trade today: plain closings first, so that the
    /// cash they free is there for the openings.
    pub(super) fn fill_queued(&mut self, price: impl Fn(&Series, usize) -> f64) {
        for closing in [true, false] {
            if self.waiting == 0 {
                return;
            }
            for symbol in 0..self.series.len() {
                let due = self.queued[symbol].filter(|order| order.opens.is_none() == closing);
                if let Some(order) = due.filter(|_| self.present[symbol]) {
                    self.queued[symbol] = None;
                    self.waiting -= 1;
                    let reference = price(&self.series[symbol], self.cursors[symbol]);
                    self.fill(symbol, order, reference);
                }
            }
        }
    }

    fn fill(&mut self, symbol: usize, order: Order, reference: f64) {
        let held = self.book.positions[symbol].filter(|_| order.closes);
        let Some(side) = order.opens else {
            if let Some(position) = held {
                self.close(symbol, &position, reference, 1.0, Reason::Exit, OrderType::Market);
            }
            return;
        };
        let price = self.terms.price(side, true, reference);
        let quantity = self.opening_quantity(symbol, side, held.as_ref(), reference, price);
        // A turn-round is one order: its two legs share what is paid once an order.
        let opened = quantity > 0.0;
        let share = match &held {
            Some(position) if opened && position.side != side => quantity / (quantity + position.quantity),
            _ => 1.0,
        };
        if let Some(position) = held {
            let rest = if opened && position.side != side { 1.0 - share } else { 1.0 };
            self.close(symbol, &position, reference, rest, Reason::Exit, OrderType::Market);
        }
        if opened && self.book.positions[symbol].is_none() {
            let fees = self.terms.fees(quantity, price, share);
            let at = self.booking(symbol, price, reference, fees, Reason::Entry, OrderType::Market);
            self.book.open(&at, side, quantity, order.protection);
        }
    }

    /// Sizes an opening order as if `held` were closed already, fees per order apart.
    fn opening_quantity(
        &self,
        symbol: usize,
        side: Side,
        held: Option<&Position>,
        reference: f64,
        price: f64,
    ) -> f64 {
        let (mut net, mut short_value) = self.book.values();
        let mut cash = self.book.cash;
        if let Some(position) = held {
            let value = position.quantity * self.book.marks[symbol];
            net -= position.side.sign() * value;
            if position.side == Side::Sell {
                short_value -= value;
            }
            let exit = self.terms.price(position.side.opposite(), false, reference);
            cash += position.side.sign() * position.quantity * exit;
            cash -= self.terms.fees(position.quantity, exit, 0.0);
        }
        self.terms.quantity(&Ask {
            side,
            reference,
            price,
            free_cash: cash - short_value.max(0.0),
            equity: cash + net,
            short_value: short_value.max(0.0),
            symbols: self.series.len(),
        })
    }

    /// Watches the protective levels of every open position through today's bar. The stop
    /// comes first when both lie in the bar; a gap beyond a level fills at the open.
    pub(super) fn watch_levels(&mut self) {
        for symbol in 0..self.series.len() {
            let Some(position) = self.book.positions[symbol].filter(|_| self.present[symbol]) else {
                continue;
            };
            let (series, bar) = (&self.series[symbol], self.cursors[symbol]);
            let (open, high, low) = (series.open[bar], series.high[bar], series.low[bar]);
            let Protection { stop, target } = position.protection;
            let long = position.side == Side::Buy;
            let hit = match (stop, target) {
                (Some(stop), _) if long && low <= stop => Some((Reason::StopLoss, open.min(stop))),
                (Some(stop), _) if !long && high >= stop => Some((Reason::StopLoss, open.max(stop))),
                (_, Some(target)) if long && high >= target => Some((Reason::TakeProfit, open.max(target))),
                (_, Some(target)) if !long && low <= target => Some((Reason::TakeProfit, open.min(target))),
                _ => None,
            };
            match hit {
                Some((Reason::StopLoss, price)) => {
                    self.close(symbol, &position, price, 1.0, Reason::StopLoss, OrderType::Stop);
                }
                Some((reason, price)) => self.close(symbol, &position, price, 1.0, reason, OrderType::Limit),
                None => {}
            }
        }
    }

    /// Closes every open position at its last mark, as a market order.
    pub(super) fn close_all(&mut self) {
        self.bar -= 1;
        for symbol in 0..self.series.len() {
            if let Some(position) = self.book.positions[symbol] {
                let mark = self.book.marks[symbol];
                self.close(symbol, &position, mark, 1.0, Reason::CloseAtEnd, OrderType::Market);
            }
        }
        self.bar += 1;
    }

    fn close(
        &mut self,
        symbol: usize,
        position: &Position,
        reference: f64,
        share: f64,
        reason: Reason,
        order_type: OrderType,
    ) {
        let price = match order_type {
            OrderType::Limit => reference,
            OrderType::Market | OrderType::Stop => {
                self.terms.price(position.side.opposite(), false, reference)
            }
        };
        let fees = self.terms.fees(position.quantity, price, share);
        let at = self.booking(symbol, price, reference, fees, reason, order_type);
        self.book.close(&at);
    }

    fn booking(
        &self,
        symbol: usize,
        price: f64,
        reference: f64,
        fees: f64,
        reason: Reason,
        order_type: OrderType,
    ) -> Booking {
        Booking {
            symbol,
            bar: self.bar,
            date: self.dates[self.bar],
            price,
            reference,
            fees,
            reason,
            order_type,
        }
    }
}
