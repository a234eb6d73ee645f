//! The state of the market, the component scores, and how they are weighed.

use serde::Serialize;

use super::columns::{FORTNIGHT, Row};

/// The state of the market, which decides weights and threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Average range above 4 % of the price, or a Bollinger band more than 8 % off its mean.
    Volatile,
    /// ADX of 30 or more.
    Trend,
    /// A move of more than 4 % in five bars with an ADX of 20 or more.
    Breakout,
    /// None of these.
    Ranging,
}

/// The scores, -1 (sell) to 1 (buy).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Strength of the recent move.
    pub momentum: f64,
    /// Order of price and means, and direction of movement.
    pub trend: f64,
    /// Where the price lies between its bands: 1 at the lower one, -1 at the upper one.
    pub volatility: f64,
    /// What news and other sources say; `None` without any.
    pub sentiment: Option<f64>,
}

/// The weight of each score; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "named as the scores")]
pub struct Weights {
    pub momentum: f64,
    pub trend: f64,
    pub volatility: f64,
    pub sentiment: f64,
}

impl Regime {
    /// Returns the state at `price`, the first that applies in the order of the variants.
    pub fn of(row: &Row, price: f64) -> Self {
        let band = 2.0 * row.deviation20 / row.sma20;
        if row.atr14 / price > 0.04 || band > 0.08 {
            Self::Volatile
        } else if row.adx14 >= 30.0 {
            Self::Trend
        } else if row.adx14 >= 20.0 && (price / row.week_ago - 1.0).abs() > 0.04 {
            Self::Breakout
        } else {
            Self::Ranging
        }
    }

    /// Returns the net score that has to be passed before anything is done.
    pub fn threshold(self) -> f64 {
        match self {
            Self::Volatile => 0.35,
            Self::Trend => 0.15,
            Self::Breakout => 0.20,
            Self::Ranging => 0.25,
        }
    }

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Volatile => "volatile",
            Self::Trend => "trend",
            Self::Breakout => "breakout",
            Self::Ranging => "ranging",
        }
    }

    /// Returns the weights; without a sentiment its weight goes to the others in their proportion.
    pub fn weights(self, sentiment: bool) -> Weights {
        let (momentum, trend, volatility, news) = match self {
            Self::Volatile => (0.25, 0.25, 0.30, 0.20),
            Self::Trend => (0.40, 0.35, 0.10, 0.15),
            Self::Breakout => (0.45, 0.30, 0.10, 0.15),
            Self::Ranging => (0.30, 0.25, 0.15, 0.30),
        };
        if sentiment {
            return Weights { momentum, trend, volatility, sentiment: news };
        }
        let rest = 1.0 - news;
        Weights {
            momentum: momentum / rest,
            trend: trend / rest,
            volatility: volatility / rest,
            sentiment: 0.0,
        }
    }
}

impl Scores {
    /// Returns the scores at `price`, given the sentiment.
    ///
    /// Distances are measured in average true ranges, so that a quiet and a wild symbol are
    /// judged alike.
    pub fn new(row: &Row, price: f64, sentiment: Option<f64>) -> Self {
        let two_deviations = 2.0 * row.deviation20;
        Self {
            momentum: momentum(row, price),
            trend: trend(row, price),
            volatility: graded(row.sma20 - price, two_deviations),
            sentiment: sentiment.map(|score| score.clamp(-1.0, 1.0)),
        }
    }

    /// Returns the weighted sum, -1 to 1.
    pub fn net(&self, weights: &Weights) -> f64 {
        let known = weights.momentum * self.momentum
            + weights.trend * self.trend
            + weights.volatility * self.volatility;
        known + weights.sentiment * self.sentiment.unwrap_or_default()
    }
}

/// The mean of three parts: the RSI off 50; the MACD histogram, full at a quarter of a range; the
/// change in ten bars, full at what ten bars of a random walk of such ranges would make.
fn momentum(row: &Row, price: f64) -> f64 {
    let histogram = graded(row.histogram, row.atr14 / 4.0);
    let change = graded(price - row.fortnight_ago, row.atr14 * (FORTNIGHT as f64).sqrt());
    (strength(row.rsi14) + histogram + change) / 3.0
}

/// An RSI of 70 counts full; beyond it the move is ever more exhausted, and at 90 counts nothing.
/// The same below.
fn strength(rsi: f64) -> f64 {
    let off = rsi - 50.0;
    let size = if off.abs() <= 20.0 { off.abs() / 20.0 } else { ((40.0 - off.abs()) / 20.0).max(0.0) };
    size.copysign(off)
}

/// The mean of the order of price and means (each step full at two ranges, the longest at four)
/// and of the directional movement, which counts full from an ADX of 25.
fn trend(row: &Row, price: f64) -> f64 {
    let both = row.plus_di + row.minus_di;
    let direction = if both > 0.0 { (row.plus_di - row.minus_di) / both } else { 0.0 };
    let near = graded(price - row.sma20, 2.0 * row.atr14) + graded(row.sma20 - row.sma50, 2.0 * row.atr14);
    let sum = near + direction * (row.adx14 / 25.0).min(1.0);
    if row.sma200.is_finite() {
        (sum + graded(row.sma50 - row.sma200, 4.0 * row.atr14)) / 4.0
    } else {
        sum / 3.0
    }
}

/// Returns `distance` in units of `full`, -1 to 1; without a unit any distance counts full.
fn graded(distance: f64, full: f64) -> f64 {
    if distance == 0.0 {
        0.0
    } else if full > 0.0 {
        (distance / full).clamp(-1.0, 1.0)
    } else {
        1.0_f64.copysign(distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_with_and_without_news() {
        for regime in [Regime::Volatile, Regime::Trend, Regime::Breakout, Regime::Ranging] {
            for news in [true, false] {
                let w = regime.weights(news);
                let sum = w.momentum + w.trend + w.volatility + w.sentiment;
                assert!((sum - 1.0).abs() < 1e-12, "{regime:?} {news}: {sum}");
                assert_eq!(w.sentiment > 0.0, news);
            }
        }
    }

    #[test]
    fn an_exhausted_move_counts_less_than_a_strong_one() {
        for (rsi, want) in
            [(50.0, 0.0), (60.0, 0.5), (70.0, 1.0), (80.0, 0.5), (95.0, 0.0), (30.0, -1.0), (20.0, -0.5)]
        {
            assert!((strength(rsi) - want).abs() < 1e-12, "{rsi}: {}", strength(rsi));
        }
    }

    #[test]
    fn distances_are_graded_and_bounded() {
        for (distance, full, want) in
            [(1.0, 2.0, 0.5), (-5.0, 2.0, -1.0), (0.0, 0.0, 0.0), (0.1, 0.0, 1.0), (-0.1, 0.0, -1.0)]
        {
            assert!((graded(distance, full) - want).abs() < 1e-12);
        }
    }
}
