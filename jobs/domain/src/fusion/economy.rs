//! A score from the economy as a whole: jobs, prices, and the slope of interest rates.

use serde::{Deserialize, Serialize};

use super::Derived;

/// Series of the economy, monthly values (rates: any) oldest first, in percent; prices as an index.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Economy<'a> {
    /// Rate of unemployment (`UNRATE`).
    pub unemployment: &'a [f64],
    /// Consumer prices (`CPIAUCSL`), as an index.
    pub prices: &'a [f64],
    /// Yield of ten years (`DGS10`).
    pub ten_years: &'a [f64],
    /// The central bank's rate (`FEDFUNDS`).
    pub policy_rate: &'a [f64],
}

/// How the economy is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Above 0.2.
    Expansion,
    /// Below -0.2.
    Contraction,
    /// Between.
    Mixed,
}

/// Scores what is known of the economy and names its regime; `None` when nothing is. Each of the
/// three parts counts the same, and each that is missing costs a third of the confidence.
pub fn economy(known: &Economy) -> Option<(Derived, Regime)> {
    let parts: Vec<f64> = [jobs(known), inflation(known), slope(known)]
        .into_iter()
        .flatten()
        .filter(|part| part.is_finite())
        .collect();
    if parts.is_empty() {
        return None;
    }
    let count = parts.len() as f64;
    let score = parts.iter().map(|part| part.clamp(-1.0, 1.0)).sum::<f64>() / count;
    let regime = match score {
        s if s > 0.2 => Regime::Expansion,
        s if s < -0.2 => Regime::Contraction,
        _ => Regime::Mixed,
    };
    Some((Derived { score, confidence: 0.6 * count / 3.0 }, regime))
}

/// Unemployment's mean of three months against the lowest such mean of the year before: half a
/// point above it began every recession since 1950 (C. Sahm's rule).
fn jobs(known: &Economy) -> Option<f64> {
    let means: Vec<f64> =
        known.unemployment.windows(3).map(|three| three.iter().sum::<f64>() / 3.0).collect();
    let last = *means.last()?;
    let lowest = means[means.len().saturating_sub(13)..].iter().copied().fold(f64::INFINITY, f64::min);
    Some(0.5 - 3.0 * (last - lowest))
}

/// Inflation over twelve months: 2 % is the aim, and each point away from it costs half a point.
fn inflation(known: &Economy) -> Option<f64> {
    let last = *known.prices.last()?;
    let before = *known.prices.get(known.prices.len().checked_sub(13)?)?;
    (before > 0.0).then(|| 0.5 - 0.5 * ((last / before - 1.0) * 100.0 - 2.0).abs())
}

/// Long rates above the policy rate: two points are a full score.
fn slope(known: &Economy) -> Option<f64> {
    Some((known.ten_years.last()? - known.policy_rate.last()?) / 2.0)
}
