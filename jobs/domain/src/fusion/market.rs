//! Scores from daily bars. Each is `None` with too few bars, or with a price that is no price.

use super::Derived;
use crate::bars::{Provenance, Series};

/// Sessions of a month.
const MONTH: usize = 20;
const WEEK: usize = 5;
/// Sessions of a year.
const YEAR: f64 = 252.0;
/// A volatility (a year's, as a fraction) that says nothing.
const USUAL_VOLATILITY: f64 = 0.30;

/// Scores the last month's return by what was to be expected: twice the month's standard deviation
/// is a full score.
pub fn momentum(bars: &Series) -> Option<Derived> {
    let returns = returns(bars)?;
    let deviation = deviation(&returns);
    let sum: f64 = returns.iter().sum();
    let usual = deviation * (returns.len() as f64).sqrt();
    // Prices that move evenly have no deviation: any move is a full one.
    let score = if usual > 1e-12 { sum / (2.0 * usual) } else { direction(sum) };
    Some(derived(bars, score, 0.6))
}

/// Scores calm as good and unrest as bad: no volatility 1, 60 % a year and more -1.
pub fn volatility(bars: &Series) -> Option<Derived> {
    let year = deviation(&returns(bars)?) * YEAR.sqrt();
    Some(derived(bars, (USUAL_VOLATILITY - year) / USUAL_VOLATILITY, 0.3))
}

/// Scores the last week's trading above the month's in the direction of the week's
/// return.
pub fn volume(bars: &Series) -> Option<Derived> {
    let week: f64 = returns(bars)?[MONTH - WEEK..].iter().sum();
    let shares = &bars.volume[bars.len() - MONTH..];
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
    let (all, last) = (mean(shares), mean(&shares[MONTH - WEEK..]));
    if !all.is_finite() || all <= 0.0 {
        return None;
    }
    Some(derived(bars, (last / all - 1.0).max(0.0) * direction(week), 0.3))
}

/// Returns 1 above zero, -1 below, else 0.
fn direction(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

/// Returns the last month's daily returns.
fn returns(bars: &Series) -> Option<Vec<f64>> {
    if bars.len() < MONTH + 1 {
        return None;
    }
    let close = &bars.close[bars.len() - MONTH - 1..];
    if close.iter().any(|price| !price.is_finite() || *price <= 0.0) {
        return None;
    }
    Some(close.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect())
}

fn deviation(returns: &[f64]) -> f64 {
    let mean = returns.iter().sum::<f64>() / returns.len() as f64;
    (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / returns.len() as f64).sqrt()
}

/// Bars that are simulated say nothing sure about the market.
fn derived(bars: &Series, score: f64, confidence: f64) -> Derived {
    let month = &bars.provenance[bars.provenance.len().saturating_sub(MONTH)..];
    let simulated = month.contains(&Provenance::Simulated);
    let confidence = if simulated { confidence / 3.0 } else { confidence };
    Derived { score: score.clamp(-1.0, 1.0), confidence }
}
