//! The books of one run: cash, positions, fills, round trips.

use chrono::NaiveDate;

use super::event::{OrderType, Reason, RoundTrip, Side, TradeEvent};
use super::protection::Protection;

/// An open position of one symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Position {
    /// Buy for long, sell for short.
    pub side: Side,
    /// Shares, above zero.
    pub quantity: f64,
    /// Opening price a share.
    pub price: f64,
    /// Fees paid at the opening.
    pub fees: f64,
    /// Index of the opening session.
    pub bar: usize,
    /// Opening session.
    pub date: NaiveDate,
    /// Where it is left without a signal.
    pub protection: Protection,
}

/// One fill to be booked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Booking {
    pub symbol: usize,
    pub bar: usize,
    pub date: NaiveDate,
    pub price: f64,
    /// The price without slippage.
    pub reference: f64,
    pub fees: f64,
    pub reason: Reason,
    pub order_type: OrderType,
}

/// Cash, positions, marks and what happened to them.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub cash: f64,
    pub positions: Vec<Option<Position>>,
    pub marks: Vec<f64>,
    pub events: Vec<TradeEvent>,
    pub trades: Vec<RoundTrip>,
}

/// Returns `cash` less a purchase and its fees; the rounding of a purchase that spends
/// everything never leaves a debt.
#[inline]
pub(crate) fn spend(cash: f64, value: f64, fees: f64) -> f64 {
    let left = cash - value - fees;
    if left < 0.0 && left > -1e-9 * value { 0.0 } else { left }
}

impl Book {
    pub(crate) fn new(cash: f64, symbols: usize) -> Self {
        Self {
            cash,
            positions: vec![None; symbols],
            marks: vec![0.0; symbols],
            events: Vec::new(),
            trades: Vec::new(),
        }
    }

    /// Returns the value of all positions at their marks, shorts negative, and that of the
    /// shorts alone, positive.
    #[inline]
    pub(crate) fn values(&self) -> (f64, f64) {
        let (mut net, mut short) = (0.0, 0.0);
        for (position, mark) in self.positions.iter().zip(&self.marks) {
            if let Some(position) = position {
                let value = position.quantity * mark;
                net += position.side.sign() * value;
                if position.side == Side::Sell {
                    short += value;
                }
            }
        }
        (net, short)
    }

    fn pay(&mut self, side: Side, quantity: f64, price: f64, fees: f64) {
        let value = quantity * price;
        self.cash = match side {
            Side::Buy => spend(self.cash, value, fees),
            Side::Sell => self.cash + value - fees,
        };
    }

    /// Opens a position of `quantity` shares on `side`; the symbol must be flat.
    pub(crate) fn open(&mut self, at: &Booking, side: Side, quantity: f64, protection: Protection) {
        self.pay(side, quantity, at.price, at.fees);
        self.positions[at.symbol] = Some(Position {
            side,
            quantity,
            price: at.price,
            fees: at.fees,
            bar: at.bar,
            date: at.date,
            protection,
        });
        self.record(at, side, quantity, side.sign() * quantity, None);
    }

    /// Closes the symbol's position, if there is one.
    pub(crate) fn close(&mut self, at: &Booking) {
        let Some(position) = self.positions[at.symbol].take() else { return };
        let side = position.side.opposite();
        self.pay(side, position.quantity, at.price, at.fees);
        let trip = round_trip(&position, at.symbol, at.bar, at.date, at.price, at.fees, Some(at.reason));
        self.trades.push(trip);
        self.record(at, side, position.quantity, 0.0, Some(trip.pnl));
    }

    fn record(&mut self, at: &Booking, side: Side, quantity: f64, position_after: f64, pnl: Option<f64>) {
        self.events.push(TradeEvent {
            bar: at.bar,
            date: at.date,
            symbol: at.symbol,
            side,
            quantity,
            price: at.price,
            reason: at.reason,
            order_type: at.order_type,
            fees: at.fees,
            slippage: quantity * (at.price - at.reference).abs(),
            position_after,
            cash_after: self.cash,
            pnl,
        });
    }
}

/// Returns the round trip of `position` when closed (or marked) at `price`.
pub(crate) fn round_trip(
    position: &Position,
    symbol: usize,
    bar: usize,
    date: NaiveDate,
    price: f64,
    fees: f64,
    closed_by: Option<Reason>,
) -> RoundTrip {
    let gross = position.side.sign() * position.quantity * (price - position.price);
    let pnl = gross - position.fees - fees;
    RoundTrip {
        symbol,
        side: position.side,
        quantity: position.quantity,
        entry_bar: position.bar,
        exit_bar: bar,
        entry_date: position.date,
        exit_date: date,
        entry_price: position.price,
        exit_price: price,
        entry_fees: position.fees,
        exit_fees: fees,
        pnl,
        return_fraction: pnl / (position.quantity * position.price),
        closed_by,
    }
}
