//! How the figures of many combinations are spread, and how good the best of them would look
//! if none had any skill.

use serde::Serialize;

/// Where a set of figures lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    /// How many are defined.
    pub count: usize,
    /// The lowest.
    pub min: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The highest.
    pub max: f64,
    /// Sample deviation (n - 1); 0 for one figure.
    pub deviation: f64,
}

impl Distribution {
    /// Returns where `figures` lie, in any order; `None` without one.
    pub fn new(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().filter(|figure| figure.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let count = sorted.len();
        let mean = sorted.iter().sum::<f64>() / count as f64;
        let squares: f64 = sorted.iter().map(|figure| (figure - mean) * (figure - mean)).sum();
        let deviation = if count < 2 { 0.0 } else { (squares / (count - 1) as f64).sqrt() };
        let median = f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]);
        Some(Self { count, min, median, mean, max, deviation })
    }
}

/// Returns the Sharpe ratio that the best of `trials` is expected to show by luck alone, when
/// the true ratio of all is zero and their estimates have `deviation`; `None` for fewer than two.
///
/// deviation * ((1 - g) * q(1 - 1/n) + g * q(1 - 1/(n * e))), with g the Euler-Mascheroni
/// constant and q the normal quantile. It takes the trials for independent; those of a grid are
/// alike, so the true bar lies lower. Source: Bailey and Lopez de Prado (2014), "The Deflated
/// Sharpe Ratio".
pub fn expected_best_sharpe(trials: usize, deviation: f64) -> Option<f64> {
    const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;
    if trials < 2 || !deviation.is_finite() {
        return None;
    }
    let n = trials as f64;
    let high = normal_quantile(1.0 - 1.0 / n)?;
    let higher = normal_quantile(1.0 - 1.0 / (n * std::f64::consts::E))?;
    Some(deviation * ((1.0 - EULER_MASCHERONI) * high + EULER_MASCHERONI * higher))
}

/// Returns the standard normal quantile of `p`, to about seven digits; `None` outside of (0, 1).
///
/// Source: Wichura (1988), "Algorithm AS 241", PPND7.
pub fn normal_quantile(p: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        let above = [3.387_132_717_9, 50.434_271_938, 159.291_132_02, 59.109_374_720];
        let below = [1.0, 17.895_169_469, 78.757_757_664, 67.187_563_600];
        return Some(q * polynomial(above, r) / polynomial(below, r));
    }
    let r = (-p.min(1.0 - p).ln()).sqrt();
    let tail = if r <= 5.0 {
        let above = [1.423_437_277_7, 2.756_815_390_0, 1.306_728_481_6, 0.170_238_211_03];
        polynomial(above, r - 1.6) / polynomial([1.0, 0.737_001_642_50, 0.120_211_329_75, 0.0], r - 1.6)
    } else {
        let above = [6.657_905_115_0, 3.081_226_386_0, 0.428_682_943_37, 0.017_337_203_997];
        polynomial(above, r - 5.0) / polynomial([1.0, 0.241_978_942_25, 0.012_258_202_635, 0.0], r - 5.0)
    };
    Some(if q < 0.0 { -tail } else { tail })
}

/// Returns `c0 + c1 x + c2 x^2 + c3 x^3`.
fn polynomial(c: [f64; 4], x: f64) -> f64 {
    ((c[3] * x + c[2]) * x + c[1]) * x + c[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, expected) in
            [(0.5, 0.0), (0.975, 1.959_964), (0.999, 3.090_232), (0.9, 1.281_552), (1e-10, -6.361_341)]
        {
            let found = normal_quantile(p).expect("inside of the range");
            assert!((found - expected).abs() < 2e-6, "{p}: {found}");
        }
        assert_eq!(
            (normal_quantile(0.0), normal_quantile(1.0), normal_quantile(f64::NAN)),
            (None, None, None)
        );
    }

    #[test]
    fn the_best_of_more_trials_looks_better_by_luck() {
        let best = |trials| expected_best_sharpe(trials, 1.0).expect("at least two trials");
        assert_eq!(expected_best_sharpe(1, 1.0), None);
        assert!(best(2) < best(10) && best(10) < best(10_000));
        // The paper's Exhibit: about 2.5 deviations for a hundred trials.
        assert!((best(100) - 2.53).abs() < 0.02, "{}", best(100));
    }

    #[test]
    fn a_distribution_is_of_the_defined_figures() {
        assert_eq!(Distribution::new([]), None);
        let spread = Distribution::new([3.0, 1.0, f64::NAN, 2.0, 4.0]).expect("four figures");
        assert_eq!(
            (spread.count, spread.min, spread.median, spread.mean, spread.max),
            (4, 1.0, 2.5, 2.5, 4.0)
        );
        assert!((spread.deviation - 1.290_994).abs() < 1e-6);
    }
}
