//! The decision on one bar: action, confidence, risk, levels and size.

use super::columns::Row;
use super::score::{Regime, Scores, Weights};
use crate::decision::{Action, RiskLevel};

/// The confidence of the weakest opinion.
pub(super) const LEAST_CONFIDENCE: f64 = 0.40;
/// The confidence of the strongest opinion.
const MOST_CONFIDENCE: f64 = 0.88;
/// The farthest stop and target, fractions of the price; a proposal's bounds lie beyond.
const FARTHEST: (f64, f64) = (0.4, 0.9);

/// What is decided on one bar. Prices in the currency of the bars, unrounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// What to do.
    pub action: Action,
    /// The price judged at.
    pub price: f64,
    /// The state of the market.
    pub regime: Regime,
    /// The component scores.
    pub scores: Scores,
    /// Their weights.
    pub weights: Weights,
    /// The weighted sum of the scores, -1 to 1.
    pub net: f64,
    /// How sure, 0.40 to 0.88.
    pub confidence: f64,
    /// How risky the symbol is now.
    pub risk: RiskLevel,
    /// Where to cut the loss of a buy.
    pub stop: Option<f64>,
    /// Where to take the profit of a buy.
    pub target: Option<f64>,
    /// Share of the portfolio to put into a buy, 0.02 to 0.15.
    pub quantity: Option<f64>,
}

/// Decides at `price` by the indicators of the newest finished bar and the sentiment, -1 to 1.
///
/// Acts when the net score is beyond the regime's threshold. An action's confidence rises with
/// the net score in thresholds, from 0.64 at one to 0.88 at two; a hold's falls from 0.64 at a
/// score of zero to 0.40 at the threshold.
pub fn judge(row: &Row, price: f64, sentiment: Option<f64>) -> Judgement {
    let regime = Regime::of(row, price);
    let weights = regime.weights(sentiment.is_some());
    let scores = Scores::new(row, price, sentiment);
    let net = scores.net(&weights);
    let thresholds = net.abs() / regime.threshold();
    let action = match thresholds > 1.0 {
        true if net > 0.0 => Action::Buy,
        true => Action::Sell,
        false => Action::Hold,
    };
    let half = 0.5 * (MOST_CONFIDENCE - LEAST_CONFIDENCE);
    let confidence =
        LEAST_CONFIDENCE + half * if action == Action::Hold { 1.0 - thresholds } else { thresholds.min(2.0) };
    let range = row.atr14 / price;
    let risk = match regime {
        Regime::Volatile => RiskLevel::High,
        _ if range >= 0.03 => RiskLevel::High,
        _ if range >= 0.015 => RiskLevel::Medium,
        _ => RiskLevel::Low,
    };
    let buys = action == Action::Buy;
    let (below, above) = distances(risk, range);
    Judgement {
        action,
        price,
        regime,
        scores,
        weights,
        net,
        confidence,
        risk,
        stop: buys.then_some(price * (1.0 - below)),
        target: buys.then_some(price * (1.0 + above)),
        quantity: buys.then(|| quantity(risk, confidence, range, scores.trend)),
    }
}

/// The distances of stop and target as fractions of the price: in average true ranges, or fixed
/// when the bars have no range at all.
fn distances(risk: RiskLevel, range: f64) -> (f64, f64) {
    let (stop, target, flat_stop, flat_target) = match risk {
        RiskLevel::Low => (1.5, 4.0, 0.03, 0.08),
        RiskLevel::Medium => (2.0, 3.5, 0.04, 0.07),
        RiskLevel::High => (2.5, 3.0, 0.05, 0.06),
    };
    if range > 0.0 {
        (f64::min(stop * range, FARTHEST.0), f64::min(target * range, FARTHEST.1))
    } else {
        (flat_stop, flat_target)
    }
}

/// The base size by risk, times confidence, times calm (a daily range of 2 % is usual; half to
/// one and a half), times the trend (three to five quarters).
fn quantity(risk: RiskLevel, confidence: f64, range: f64, trend: f64) -> f64 {
    let base = match risk {
        RiskLevel::Low => 0.10,
        RiskLevel::Medium => 0.06,
        RiskLevel::High => 0.03,
    };
    let calm = if range > 0.0 { (0.02 / range).clamp(0.5, 1.5) } else { 1.0 };
    (base * (0.7 + 0.6 * confidence) * calm * (1.0 + 0.25 * trend)).clamp(0.02, 0.15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_risk_and_the_range() {
        let cases = [
            (RiskLevel::Low, 0.01, (0.015, 0.04)),
            (RiskLevel::Medium, 0.02, (0.04, 0.07)),
            (RiskLevel::High, 0.04, (0.1, 0.12)),
            (RiskLevel::High, 0.5, (0.4, 0.9)),
            (RiskLevel::Low, 0.0, (0.03, 0.08)),
            (RiskLevel::Medium, 0.0, (0.04, 0.07)),
            (RiskLevel::High, 0.0, (0.05, 0.06)),
        ];
        for (risk, range, want) in cases {
            let got = distances(risk, range);
            assert!(
                (got.0 - want.0).abs() < 1e-12 && (got.1 - want.1).abs() < 1e-12,
                "{risk:?} {range}: {got:?}"
            );
        }
    }

    #[test]
    fn sizes_follow_the_rule_and_its_bounds() {
        let cases = [
            (RiskLevel::Medium, 0.5, 0.02, 0.0, 0.06),
            (RiskLevel::Low, 0.88, 0.01, 1.0, 0.15),
            (RiskLevel::High, 0.40, 0.08, -1.0, 0.02),
            (RiskLevel::High, 0.5, 0.02, 0.4, 0.033),
        ];
        for (risk, confidence, range, trend, want) in cases {
            let got = quantity(risk, confidence, range, trend);
            assert!((got - want).abs() < 1e-12, "{risk:?}: {got}");
        }
    }
}
