//! What happened: fills and round trips.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use crate::order::Side;

/// Why an order was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The strategy entered.
    Entry,
    /// The strategy exited.
    Exit,
    /// The protective stop was reached.
    StopLoss,
    /// The profit target was reached.
    TakeProfit,
    /// The run ended with the position open.
    CloseAtEnd,
}

/// The kind of order that was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At the bar's price, with slippage.
    Market,
    /// Triggered by a level, then at the market, with slippage.
    Stop,
    /// At its level or better, without slippage.
    Limit,
}

/// One fill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TradeEvent {
    /// Index into the report's points (and dates).
    pub bar: usize,
    /// Session of the fill.
    pub date: NaiveDate,
    /// Index into the report's symbols.
    pub symbol: usize,
    /// Side of the fill.
    pub side: Side,
    /// Shares, above zero.
    pub quantity: f64,
    /// Price a share, slippage included.
    pub price: f64,
    /// Why.
    pub reason: Reason,
    /// What kind of order.
    pub order_type: OrderType,
    /// Fees paid, money.
    pub fees: f64,
    /// What slippage cost, money, zero or more.
    pub slippage: f64,
    /// Shares held afterwards, negative when short.
    pub position_after: f64,
    /// Cash afterwards.
    pub cash_after: f64,
    /// Profit of the round trip a closing fill ends, net of both sides' fees.
    pub pnl: Option<f64>,
}

/// A position from its opening to its closing, or to the last mark when still open.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RoundTrip {
    /// Index into the report's symbols.
    pub symbol: usize,
    /// Buy for a long position, sell for a short one.
    pub side: Side,
    /// Shares, above zero.
    pub quantity: f64,
    /// Index of the opening session into the report's points.
    pub entry_bar: usize,
    /// Index of the closing session, or of the last one.
    pub exit_bar: usize,
    /// Session of the opening fill.
    pub entry_date: NaiveDate,
    /// Session of the closing fill, or the last one.
    pub exit_date: NaiveDate,
    /// Opening price a share.
    pub entry_price: f64,
    /// Closing price a share, or the last mark.
    pub exit_price: f64,
    /// Fees of the opening, money.
    pub entry_fees: f64,
    /// Fees of the closing, money; zero while open.
    pub exit_fees: f64,
    /// Profit net of the fees paid, money.
    pub pnl: f64,
    /// Profit net of the fees paid over the opening value (0.01 = 1 %).
    pub return_fraction: f64,
    /// Why it was closed; `None` while open.
    pub closed_by: Option<Reason>,
}

impl RoundTrip {
    /// Returns the shares with the sign of the position, negative when short.
    pub fn signed_quantity(&self) -> f64 {
        self.side.sign() * self.quantity
    }

    /// Returns the calendar days from the opening to the closing session.
    pub fn holding_days(&self) -> i64 {
        (self.exit_date - self.entry_date).num_days()
    }
}
