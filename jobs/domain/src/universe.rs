//! What may be looked at: how liquid a share is, and how good a company.
//!
//! Bounds and weights are those of the platform that this one replaces; money and fractions are
//! decimal, so that the same rows give the same score everywhere.

mod candidate;
#[cfg(test)]
mod tests;
mod tier;

pub use candidate::{CandidateScore, Figures, MINIMUM_SCORE, growth_score, quality_score, score};
pub use tier::{Liquidity, PENNY_STOCK_BELOW, Tier, is_penny_stock, liquidity};

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::order::UnknownWord;

/// What a user makes of a candidate; only [`CandidateStatus::Approved`] lets an agent buy it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CandidateStatus {
    /// Proposed, and not judged yet.
    New,
    /// Looked at, and not bought.
    Watchlist,
    /// May be bought.
    Approved,
    /// Neither looked at nor bought.
    Rejected,
}

impl CandidateStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::New, Self::Watchlist, Self::Approved, Self::Rejected];

    /// Returns the word for it, as in JSON and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Watchlist => "WATCHLIST",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }
}

impl FromStr for CandidateStatus {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == word);
        found.ok_or_else(|| UnknownWord::new("candidate status", word))
    }
}
