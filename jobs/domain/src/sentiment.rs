//! What news say about a company: a small lexicon, and means over articles.
//!
//! The text is data of others: nothing in it is followed, it is only counted. Scores are -1 to 1.

mod articles;
mod lexicon;
mod plain;
#[cfg(test)]
mod tests;
mod text;

pub use articles::{Aggregate, Article, HALF_LIFE_HOURS, aggregate};
pub use plain::plain;
pub use text::{TextScore, score};

use serde::{Deserialize, Serialize};

/// Beyond this score, to either side, there is a trend.
pub const TREND_BEYOND: f64 = 0.25;
/// Beyond this standard deviation, opinions are in conflict.
pub const CONFLICT_BEYOND: f64 = 0.5;

/// Where the news point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// A score above 0.25.
    Up,
    /// A score below -0.25.
    Down,
    /// All between.
    Neutral,
}

impl Trend {
    /// Returns the trend of `score`.
    pub fn of(score: f64) -> Self {
        match score {
            s if s > TREND_BEYOND => Self::Up,
            s if s < -TREND_BEYOND => Self::Down,
            _ => Self::Neutral,
        }
    }

    /// Returns the word for it, as in JSON and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Neutral => "neutral",
        }
    }
}

/// Returns the weighted mean and standard deviation of `(value, weight)` pairs, whatever their
/// order; `None` when no weight is above zero.
pub(crate) fn moments(mut pairs: Vec<(f64, f64)>) -> Option<(f64, f64)> {
    pairs.retain(|&(value, weight)| value.is_finite() && weight > 0.0 && weight.is_finite());
    // Sums of floats depend on their order.
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let weights: f64 = pairs.iter().map(|(_, weight)| weight).sum();
    if weights <= 0.0 {
        return None;
    }
    let mean = pairs.iter().map(|(value, weight)| value * weight).sum::<f64>() / weights;
    let variance = pairs.iter().map(|(value, weight)| weight * (value - mean).powi(2)).sum::<f64>() / weights;
    Some((mean, variance.sqrt()))
}
