//! What several sources say about a symbol, as one word with its weights.
//!
//! Every source gives a [`View`]; [`fuse`] weighs them. A view that could not be known yet is
//! refused, not used. [`intelligence`] is the same idea for the market as a whole.

mod company;
mod economy;
mod intelligence;
mod market;
mod short;
#[cfg(test)]
mod tests;
mod view;

pub use company::company;
pub use economy::{Economy, Regime, economy};
pub use intelligence::{Components, Intelligence, MarketQuote, MarketSignal, intelligence};
pub use market::{momentum, volatility, volume};
pub use short::short_ratio;
pub use view::{Derived, Missing, View, reliability};

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::sentiment::moments;

/// Beyond this score, to either side, there is a signal.
pub const SIGNAL_BEYOND: f64 = 0.15;
/// What one source says alone is worth so much of its confidence.
const ALONE: f64 = 0.7;

/// Where a score points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Above 0.15.
    Bullish,
    /// Below -0.15.
    Bearish,
    /// Between.
    Neutral,
}

impl Signal {
    /// Returns the signal of `score`.
    pub fn of(score: f64) -> Self {
        match score {
            s if s > SIGNAL_BEYOND => Self::Bullish,
            s if s < -SIGNAL_BEYOND => Self::Bearish,
            _ => Self::Neutral,
        }
    }

    /// Returns the word for it, as in JSON and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bullish => "bullish",
            Self::Bearish => "bearish",
            Self::Neutral => "neutral",
        }
    }
}

/// How much stands behind a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// One source, or none.
    Poor,
    /// Two.
    Fair,
    /// Three.
    Good,
    /// Four or more.
    Excellent,
}

impl Quality {
    /// Returns the quality of a result of so many sources.
    pub const fn of(sources: usize) -> Self {
        match sources {
            0 | 1 => Self::Poor,
            2 => Self::Fair,
            3 => Self::Good,
            _ => Self::Excellent,
        }
    }

    /// Returns the word for it, as in JSON and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poor => "poor",
            Self::Fair => "fair",
            Self::Good => "good",
            Self::Excellent => "excellent",
        }
    }
}

/// What the sources say together.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// Weighted mean, -1 to 1.
    pub score: f64,
    /// Where it points.
    pub signal: Signal,
    /// Mean confidence by weight x agreement, less when one source speaks alone; 0 to 1.
    pub confidence: f64,
    /// 1 less the weighted standard deviation of the scores, 0 to 1.
    pub agreement: f64,
    /// By the number of sources.
    pub quality: Quality,
    /// Confidence x reliability x freshness of each source, as shares of 1.
    pub weights: BTreeMap<String, f64>,
    /// Views that were refused, and why.
    pub refused: Vec<Missing>,
}

/// Fuses `views` as of `now`, whatever their order; `None` when nothing usable is among them.
pub fn fuse(views: &[View], now: DateTime<Utc>) -> Option<Fused> {
    let refused = views.iter().filter_map(|view| {
        let reason = view.refusal(now)?;
        Some(Missing { source: view.source.clone(), reason: format!("{}: {reason}", view.analysis_type) })
    });
    let refused: BTreeSet<Missing> = refused.collect();
    let usable: Vec<_> = views
        .iter()
        .filter(|view| view.refusal(now).is_none())
        .map(|view| (view, view.weight(now)))
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    let (score, deviation) = moments(usable.iter().map(|(view, weight)| (view.score, *weight)).collect())?;
    let (sure, _) = moments(usable.iter().map(|(view, weight)| (view.confidence, *weight)).collect())?;
    let mut by_source: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (view, weight) in usable {
        by_source.entry(view.source.clone()).or_default().push(weight);
    }
    let sums: BTreeMap<String, f64> = by_source
        .into_iter()
        .map(|(source, mut weights)| {
            weights.sort_by(f64::total_cmp);
            (source, weights.iter().sum())
        })
        .collect();
    let total: f64 = sums.values().sum();
    let agreement = (1.0 - deviation).clamp(0.0, 1.0);
    let alone = if sums.len() < 2 { ALONE } else { 1.0 };
    Some(Fused {
        score: score.clamp(-1.0, 1.0),
        signal: Signal::of(score),
        confidence: (sure * agreement * alone).clamp(0.0, 1.0),
        agreement,
        quality: Quality::of(sums.len()),
        weights: sums.into_iter().map(|(source, weight)| (source, weight / total)).collect(),
        refused: refused.into_iter().collect(),
    })
}
