//! What is held, and the executions that made it so.

use chrono::{DateTime, Utc};
use domain::order::Side;
use rust_decimal::Decimal;
use serde_json::Value;

/// Which way a position goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PositionSide {
    /// Shares are held.
    Long,
    /// Shares are owed.
    Short,
}

/// A position. Money is in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// What is held.
    pub symbol: String,
    /// The broker's id of it.
    pub asset_id: String,
    /// Which way.
    pub side: PositionSide,
    /// Shares; below zero when short.
    pub qty: Decimal,
    /// Shares that no open order holds.
    pub qty_available: Decimal,
    /// What a share cost on average.
    pub avg_entry_price: Decimal,
    /// What a share is worth now, if the broker knows.
    pub current_price: Option<Decimal>,
    /// What the position is worth now; below zero when short.
    pub market_value: Option<Decimal>,
    /// What it cost; below zero when short.
    pub cost_basis: Decimal,
    /// What it gained since it was entered.
    pub unrealized_pl: Option<Decimal>,
    /// All that the broker said.
    pub raw: Value,
}

/// How much of a position is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// All of it.
    All,
    /// So many shares.
    Units(Decimal),
    /// So many percent of it, above 0 and up to 100.
    Percent(Decimal),
}

/// Whether an execution left something to fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillKind {
    /// Nothing is left.
    Fill,
    /// Some is left.
    PartialFill,
}

/// One execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    /// The broker's id of it; grows with time.
    pub id: String,
    /// The broker's id of the order.
    pub order_id: String,
    /// What was traded.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// Whether something is left to fill.
    pub kind: FillKind,
    /// Shares of this execution; above zero.
    pub qty: Decimal,
    /// What a share cost.
    pub price: Decimal,
    /// Shares of the order filled so far.
    pub cum_qty: Decimal,
    /// Shares of the order left.
    pub leaves_qty: Decimal,
    /// When.
    pub at: DateTime<Utc>,
    /// All that the broker said.
    pub raw: Value,
}
