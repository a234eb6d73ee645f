//! What an analyst says about a symbol, and what it may say.
//!
//! A proposal never acts: whether it becomes an order is for the gates to decide. What comes from
//! outside is read by [`Proposal::parse`] and judged by [`Proposal::validate`]; both refuse, and
//! neither repairs a number.

mod error;
mod parse;
mod schema;
#[cfg(test)]
mod tests;
mod validate;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use error::ProposalError;
pub use schema::json_schema;
pub use validate::MAX_REASONING;

/// What is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Enter, or add.
    Buy,
    /// Leave.
    Sell,
    /// Do nothing.
    Hold,
}

impl Action {
    /// Every action, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Buy, Self::Sell, Self::Hold];

    /// Returns the word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::Hold => "hold",
        }
    }
}

/// How risky the analyst finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskLevel {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl RiskLevel {
    /// Every level, lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// Returns the word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// An analyst's word on one symbol. Prices are money, fractions are of 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proposal {
    /// What to do.
    pub action: Action,
    /// How sure it is, 0 to 1.
    pub confidence: Decimal,
    /// Why, for people.
    pub reasoning: String,
    /// How risky it is.
    pub risk_level: RiskLevel,
    /// Share of the portfolio to put in, 0.01 to 0.25.
    pub suggested_quantity: Option<Decimal>,
    /// Where to take the profit.
    pub target_price: Option<Decimal>,
    /// Where to cut the loss.
    pub stop_loss: Option<Decimal>,
    /// Distance of a trailing stop in percent, 0.5 to 20.
    pub trailing_stop_percent: Option<Decimal>,
}
