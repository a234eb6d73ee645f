//! How good a company looks by what it filed.

use rust_decimal::Decimal;

use super::Tier;

/// A candidate that scores less is not proposed.
pub const MINIMUM_SCORE: Decimal = Decimal::from_parts(4, 0, 0, false, 1);

/// Without any figure, the liquidity score counts for so much of it.
const LIQUIDITY_ALONE: Decimal = Decimal::from_parts(5, 0, 0, false, 1);

/// Figures of a company; fractions of 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Growth of revenue over a year.
    pub revenue_growth: Option<Decimal>,
    /// Operating income by revenue.
    pub operating_margin: Option<Decimal>,
    /// Liabilities by equity.
    pub debt_to_equity: Option<Decimal>,
    /// Growth of the number of shares over a year.
    pub dilution: Option<Decimal>,
}

/// What a candidate scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateScore {
    /// 0 to 1.
    pub score: Decimal,
    /// Growth alone, 0 to 1.
    pub growth: Option<Decimal>,
    /// Margin, leverage and dilution alone, 0 to 1.
    pub quality: Option<Decimal>,
    /// The share of the full weight that was known, 0 to 1.
    pub known: Decimal,
    /// The parts of which nothing is known.
    pub missing: Vec<&'static str>,
    /// Why, for people.
    pub rationale: String,
}

/// A part of the score: its name, its weight in hundredths, its bounds in hundredths, whether less
/// is better, and its value.
struct Part {
    name: &'static str,
    weight: u32,
    bounds: (i64, i64),
    less_is_better: bool,
    value: Option<Decimal>,
}

impl Part {
    fn scored(&self) -> Option<Decimal> {
        let (low, high) = (Decimal::new(self.bounds.0, 2), Decimal::new(self.bounds.1, 2));
        let value = self.value?.clamp(low, high);
        let share = (value - low) / (high - low);
        Some(if self.less_is_better { Decimal::ONE - share } else { share })
    }

    fn weight(&self) -> Decimal {
        Decimal::new(i64::from(self.weight), 2)
    }
}

fn parts(figures: &Figures) -> [Part; 4] {
    let part =
        |name, weight, bounds, less_is_better, value| Part { name, weight, bounds, less_is_better, value };
    [
        part("growth", 35, (-10, 50), false, figures.revenue_growth),
        part("margin", 30, (-10, 40), false, figures.operating_margin),
        part("leverage", 20, (0, 300), true, figures.debt_to_equity),
        part("dilution", 15, (-10, 15), true, figures.dilution),
    ]
}

/// Returns the weighted mean of the known parts and the sum of their weights.
fn mean(parts: &[Part]) -> Option<(Decimal, Decimal)> {
    let known = parts.iter().filter_map(|part| Some((part.weight(), part.scored()?)));
    let (weights, sum) = known
        .fold((Decimal::ZERO, Decimal::ZERO), |(w, s), (weight, score)| (w + weight, s + weight * score));
    (weights > Decimal::ZERO).then(|| ((sum / weights).round_dp(4), weights))
}

/// Returns the score of growth alone, 0 to 1.
pub fn growth_score(figures: &Figures) -> Option<Decimal> {
    mean(&parts(figures)[..1]).map(|(score, _)| score)
}

/// Returns the score of margin, leverage and dilution, 0 to 1.
pub fn quality_score(figures: &Figures) -> Option<Decimal> {
    mean(&parts(figures)[1..]).map(|(score, _)| score)
}

/// Scores a candidate: 0.35 growth + 0.30 margin + 0.20 leverage (inverted) + 0.15 dilution
/// (inverted), each clamped to 0..1 between fixed bounds.
///
/// What is not known is left out and the rest weighs more. When nothing is known, half the
/// liquidity score of `tier` stands in, and the rationale says so.
pub fn score(figures: &Figures, tier: Tier) -> CandidateScore {
    let parts = parts(figures);
    let missing: Vec<_> = parts.iter().filter(|part| part.value.is_none()).map(|part| part.name).collect();
    let named: Vec<_> = parts
        .iter()
        .filter_map(|part| Some(format!("{} {}", part.name, part.scored()?.round_dp(2))))
        .collect();
    let (score, known, mut reasons) = if let Some((score, known)) = mean(&parts) {
        (score, known, vec![named.join(", ")])
    } else {
        let score = tier.liquidity_score() * LIQUIDITY_ALONE;
        (score, Decimal::ZERO, vec!["no company figures: scored by liquidity alone".to_owned()])
    };
    if !missing.is_empty() && known > Decimal::ZERO {
        reasons.push(format!("not known, so left out: {}", missing.join(", ")));
    }
    reasons.push(format!("liquidity tier {}", tier.as_str()));
    CandidateScore {
        score,
        growth: growth_score(figures),
        quality: quality_score(figures),
        known,
        missing,
        rationale: reasons.join("; "),
    }
}
