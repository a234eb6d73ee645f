//! A score from what a company filed.

use rust_decimal::prelude::ToPrimitive;

use super::Derived;
use crate::universe::{Figures, Tier, score};

/// Full figures are worth so much.
const CONFIDENCE: f64 = 0.7;

/// Scores a company as a candidate is scored, 0 to 1, spread over -1 to 1; `None` without figures.
/// The less is known, the less sure it is.
pub fn company(figures: &Figures) -> Option<Derived> {
    let scored = score(figures, Tier::C);
    let known = scored.known.to_f64().filter(|known| *known > 0.0)?;
    Some(Derived { score: scored.score.to_f64()?.mul_add(2.0, -1.0), confidence: CONFIDENCE * known })
}
