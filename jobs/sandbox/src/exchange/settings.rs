//! How the simulated exchange and its one account are set up.

use chrono::TimeDelta;
use rust_decimal::Decimal;

/// The rules of one simulated exchange; fixed for its life.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where ids and partial fills come from.
    pub seed: u64,
    /// Dollars the account starts with.
    pub starting_cash: Decimal,
    /// Buying power per dollar of equity: 1 (cash account), 2 (margin) or 4 (day trading).
    pub multiplier: u8,
    /// The share of orders first filled in part, 0.0 to 1.0.
    pub partial_fill_probability: f64,
    /// Simulated time between acceptance and the first fill that may happen.
    pub fill_delay: TimeDelta,
    /// Whether a new order is evaluated within its own request (its answer still shows it
    /// unfilled) rather than at the next tick.
    pub fill_at_acceptance: bool,
    /// Whether a cancellation waits in `pending_cancel` for the next tick, where it may lose
    /// against a fill.
    pub cancels_wait: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            starting_cash: Decimal::from(100_000),
            multiplier: 2,
            partial_fill_probability: 0.1,
            fill_delay: TimeDelta::zero(),
            fill_at_acceptance: false,
            cancels_wait: false,
        }
    }
}
