//! What the market last said about a symbol.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

/// The last trade.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestPrice {
    /// Of what.
    pub symbol: String,
    /// What a share cost; above zero.
    pub price: Decimal,
    /// When.
    pub at: DateTime<Utc>,
    /// All that the provider said.
    pub raw: Value,
}

/// The last quote. A price of zero means that nobody bids, or asks.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestQuote {
    /// Of what.
    pub symbol: String,
    /// The most that somebody pays.
    pub bid: Decimal,
    /// The least that somebody sells for.
    pub ask: Decimal,
    /// When.
    pub at: DateTime<Utc>,
    /// All that the provider said.
    pub raw: Value,
}
