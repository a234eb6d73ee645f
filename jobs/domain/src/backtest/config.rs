//! What a back-test is asked to do: strategy, cash, fills, costs, sizes, exits.
//!
//! Everything is a plain value; [`Config::validate`] is the only gate, and the engine
//! refuses a configuration that does not pass it.

use serde::{Deserialize, Serialize};

pub use super::config_error::ConfigError;
pub use super::strategy::Strategy;

/// The whole configuration of one back-test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The rule that decides entries and exits.
    pub strategy: Strategy,
    /// Cash at the start, in the quote currency; more than zero.
    pub initial_cash: f64,
    /// When and at which price a decided order is filled.
    #[serde(default)]
    pub fill: Fill,
    /// What an order costs.
    #[serde(default)]
    pub fees: Fees,
    /// By how much a fill is worse than the bar's price.
    #[serde(default)]
    pub slippage: Slippage,
    /// How many shares an opening order asks for.
    #[serde(default)]
    pub sizing: Sizing,
    /// Whether quantities are cut down to whole shares.
    #[serde(default)]
    pub whole_shares: bool,
    /// Whether an exit only closes, or turns the position round.
    #[serde(default)]
    pub direction: Direction,
    /// The most a short position may be worth when opened, as a multiple of equity;
    /// `None` sets no limit.
    #[serde(default = "one")]
    pub short_limit: Option<f64>,
    /// Protective stop, as a fraction of the deciding close (0.05 = 5 % against the position).
    #[serde(default)]
    pub stop_loss: Option<f64>,
    /// Profit target, as a fraction of the deciding close (0.10 = 10 % in favour).
    #[serde(default)]
    pub take_profit: Option<f64>,
    /// Whether positions still open are sold at the last close; otherwise they stay open,
    /// are marked at the last close and are not among the closed trades.
    #[serde(default)]
    pub close_at_end: bool,
    /// The first bar of each symbol (from 0) on which a decision is taken; `None` means the
    /// first bar on which every indicator has a value.
    #[serde(default)]
    pub first_decision: Option<usize>,
}

#[allow(clippy::unnecessary_wraps)]
fn one() -> Option<f64> {
    Some(1.0)
}

impl Config {
    /// Returns a configuration with `strategy` and `initial_cash`, fills at the next open, no
    /// costs, everything invested, fractional shares, long only, no protective exits.
    pub fn new(strategy: Strategy, initial_cash: f64) -> Self {
        Self {
            strategy,
            initial_cash,
            fill: Fill::default(),
            fees: Fees::default(),
            slippage: Slippage::default(),
            sizing: Sizing::default(),
            whole_shares: false,
            direction: Direction::default(),
            short_limit: Some(1.0),
            stop_loss: None,
            take_profit: None,
            close_at_end: false,
            first_decision: None,
        }
    }
}

/// The bar and the price at which an order decided on a bar's close is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// At the symbol's next opening price.
    #[default]
    NextOpen,
    /// At the symbol's next closing price.
    NextClose,
    /// At the very close that was decided on: optimistic, since that price is only known
    /// when the session is over.
    SameClose,
}

/// What an order costs; the three parts add up, once an order and side.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fees {
    /// Money per order. An order that turns a position round is one order.
    pub fixed: f64,
    /// Fraction of the traded value (0.001 = 0.1 %).
    pub fraction: f64,
    /// Money per share.
    pub per_share: f64,
}

/// By how much a fill is worse than the bar's price, always against the trade.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Slippage {
    /// Basis points of the price on each side (5 = 0.05 %).
    Bps(f64),
    /// A bid-ask spread as a fraction of the price, of which each side pays one half.
    Spread(f64),
}

impl Default for Slippage {
    fn default() -> Self {
        Self::Bps(0.0)
    }
}

impl Slippage {
    /// Returns the fraction of the price by which one side is worse.
    pub fn per_side(&self) -> f64 {
        match self {
            Self::Bps(bps) => bps / 10_000.0,
            Self::Spread(spread) => spread / 2.0,
        }
    }
}

/// How many shares an opening order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Sizing {
    /// All there is: with n symbols each may take 1/n of the equity, bounded by the cash.
    /// Fees are paid out of it.
    #[default]
    AllIn,
    /// This fraction of the equity for each position, fees paid out of it.
    EquityFraction(f64),
    /// This much money a position, fees on top; cut to what the cash can pay.
    Notional(f64),
    /// This many shares a position; cut to what the cash can pay.
    Units(f64),
}

/// Whether positions may be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// An entry buys, an exit sells what was bought.
    #[default]
    LongOnly,
    /// An entry closes a short and buys; an exit closes a long and sells short.
    LongShort,
}
