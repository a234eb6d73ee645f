//! Figures of an equity curve, by the arithmetic-return conventions of empyrical.
//!
//! Simple returns between points, 252 periods a year, risk-free rate 0, sample deviation
//! (ddof 1). Source of all definitions unless named: empyrical (Quantopian), `stats.py`.

use serde::{Deserialize, Serialize};

use super::defined;
use super::distribution::{self, Tails};

/// Trading days a year, the annual factor of every annualised figure.
pub const PERIODS_PER_YEAR: f64 = 252.0;

/// Figures of one equity curve.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CurveMetrics {
    /// Last point over first point, less one.
    pub total_return: Option<f64>,
    /// Compound return a year: (last/first)^(252 / returns) - 1.
    pub cagr_252: Option<f64>,
    /// Deviation of the returns (ddof 1) times sqrt(252).
    pub annual_vol_ddof1: Option<f64>,
    /// Mean over deviation (ddof 1) times sqrt(252). Source: Sharpe (1994), "The Sharpe
    /// Ratio", ex post.
    pub sharpe_arith_ddof1: Option<f64>,
    /// Mean times 252 over the downside risk. Source: Sortino and Price (1994).
    pub sortino: Option<f64>,
    /// Deepest fall below a running peak, zero or negative.
    pub max_drawdown: Option<f64>,
    /// Compound return a year over the deepest drawdown. Source: Young (1991).
    pub calmar: Option<f64>,
    /// Sum of gains over sum of losses. Source: Keating and Shadwick (2002), threshold 0.
    pub omega: Option<f64>,
    /// The 95th percentile over the 5th, both without sign.
    pub tail_ratio: Option<f64>,
    /// The 5th percentile of the returns, linear between points.
    pub var_5pct: Option<f64>,
    /// Mean of the returns up to that rank.
    pub cvar_5pct: Option<f64>,
    /// Root mean square of the losses times sqrt(252).
    pub downside_risk: Option<f64>,
    /// R squared of the cumulated log returns against time.
    pub stability: Option<f64>,
}

/// Returns the figures of `equity`, oldest first, one point a period.
///
/// Without two points nearly everything is undefined.
pub fn curve_metrics(equity: &[f64]) -> CurveMetrics {
    with_deviation(equity).0
}

/// Returns the figures and the deviation (ddof 1) of the returns a period, `NaN` when there
/// are fewer than two.
pub(super) fn with_deviation(equity: &[f64]) -> (CurveMetrics, f64) {
    let (Some(&first), Some(&last)) = (equity.first(), equity.last()) else {
        return (CurveMetrics::default(), f64::NAN);
    };
    let returns: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let total_return = defined(last / first - 1.0);
    if returns.is_empty() {
        return (CurveMetrics { total_return, ..CurveMetrics::default() }, f64::NAN);
    }
    let moments = Moments::new(&returns);
    let count = returns.len() as f64;
    let annual_factor = PERIODS_PER_YEAR.sqrt();
    let annual_return = compound(last / first, PERIODS_PER_YEAR / count);
    let deviation = moments.deviation();
    let downside_risk = (moments.losses_squared / count).sqrt() * annual_factor;
    let drawdown = max_drawdown(equity);
    let several = |value: f64| if count < 2.0 { None } else { defined(value) };
    let Tails { low, high, low_mean } = distribution::tails(returns);
    let figures = CurveMetrics {
        total_return,
        cagr_252: defined(annual_return),
        annual_vol_ddof1: several(deviation * annual_factor),
        sharpe_arith_ddof1: several(moments.mean / deviation * annual_factor),
        sortino: several(moments.mean * PERIODS_PER_YEAR / downside_risk),
        max_drawdown: defined(drawdown),
        calmar: if drawdown < 0.0 { defined(annual_return / -drawdown) } else { None },
        omega: if moments.losses < 0.0 { several(moments.gains / -moments.losses) } else { None },
        tail_ratio: defined(high.abs() / low.abs()),
        var_5pct: defined(low),
        cvar_5pct: defined(low_mean),
        downside_risk: defined(downside_risk),
        stability: if equity.len() < 3 { None } else { stability(equity) },
    };
    (figures, deviation)
}

/// Returns the return of `growth` compounded `times`; of a negative growth there is none,
/// which is `NaN` here.
pub(super) fn compound(growth: f64, times: f64) -> f64 {
    if growth < 0.0 { f64::NAN } else { growth.powf(times) - 1.0 }
}

/// Sums over the returns, in one pass of several lanes and a second for the deviation.
struct Moments {
    mean: f64,
    gains: f64,
    losses: f64,
    losses_squared: f64,
    squares: f64,
    count: f64,
}

impl Moments {
    fn new(returns: &[f64]) -> Self {
        let count = returns.len() as f64;
        let [gains, losses, losses_squared] = lanes(returns, |r| {
            let loss = r.min(0.0);
            [r.max(0.0), loss, loss * loss]
        });
        let [sum] = lanes(returns, |r| [r]);
        let mean = sum / count;
        let [squares] = lanes(returns, |r| [(r - mean) * (r - mean)]);
        Self { mean, gains, losses, losses_squared, squares, count }
    }

    /// Sample deviation (ddof 1); of a constant it is zero.
    fn deviation(&self) -> f64 {
        (self.squares / (self.count - 1.0)).sqrt()
    }
}

/// Sums `terms` of every value in four lanes, so that additions do not wait for each other.
#[inline]
fn lanes<const N: usize>(values: &[f64], terms: impl Fn(f64) -> [f64; N]) -> [f64; N] {
    let mut sums = [[0.0; 4]; N];
    let chunks = values.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in chunk.iter().enumerate() {
            let parts = terms(value);
            for (sum, part) in sums.iter_mut().zip(parts) {
                sum[lane] += part;
            }
        }
    }
    for &value in rest {
        let parts = terms(value);
        for (sum, part) in sums.iter_mut().zip(parts) {
            sum[0] += part;
        }
    }
    sums.map(|sum| (sum[0] + sum[1]) + (sum[2] + sum[3]))
}

/// Returns the deepest fall of `equity` below its running peak as a fraction, zero or
/// negative; zero without a point.
///
/// Source: Magdon-Ismail and Atiya (2004), "Maximum Drawdown".
pub fn max_drawdown(equity: &[f64]) -> f64 {
    let mut peak = f64::MIN_POSITIVE;
    let mut deepest = 0.0;
    let mut floor = peak;
    for &point in equity {
        // The division is only needed on a new low below the peak.
        if point > peak {
            peak = point;
            floor = peak * (1.0 + deepest);
        } else if point < floor {
            deepest = point / peak - 1.0;
            floor = point;
        }
    }
    deepest
}

/// R squared of ln(equity) against the index, the first point left out.
fn stability(equity: &[f64]) -> Option<f64> {
    let count = (equity.len() - 1) as f64;
    let mut logs = Vec::with_capacity(equity.len() - 1);
    let (mut before, mut log) = (equity[0], 0.0);
    for &point in &equity[1..] {
        if point.to_bits() != before.to_bits() {
            log = (point / equity[0]).ln();
            before = point;
        }
        logs.push(log);
    }
    let [sum] = lanes(&logs, |y| [y]);
    let mean = sum / count;
    let centre = (count - 1.0) / 2.0;
    let [spread] = lanes(&logs, |y| [(y - mean) * (y - mean)]);
    let mut products = [0.0; 4];
    for (i, chunk) in logs.chunks(4).enumerate() {
        for (lane, y) in chunk.iter().enumerate() {
            products[lane] += ((i * 4 + lane) as f64 - centre) * (y - mean);
        }
    }
    let product = (products[0] + products[1]) + (products[2] + products[3]);
    let times = count * (count * count - 1.0) / 12.0;
    defined(product * product / (times * spread)).map(|r2| r2.min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_curve_has_no_ratio() {
        let flat = curve_metrics(&[100.0; 50]);
        assert_eq!(flat.total_return, Some(0.0));
        assert_eq!(flat.max_drawdown, Some(0.0));
        assert_eq!(flat.downside_risk, Some(0.0));
        for undefined in
            [flat.sharpe_arith_ddof1, flat.sortino, flat.calmar, flat.omega, flat.tail_ratio, flat.stability]
        {
            assert_eq!(undefined, None);
        }
    }

    #[test]
    fn too_few_points_leave_figures_undefined() {
        assert_eq!(curve_metrics(&[]), CurveMetrics::default());
        let one = curve_metrics(&[100.0]);
        assert_eq!((one.total_return, one.cagr_252), (Some(0.0), None));
        let two = curve_metrics(&[100.0, 110.0]);
        assert!(two.sharpe_arith_ddof1.is_none() && two.annual_vol_ddof1.is_none());
        assert!((two.total_return.unwrap_or_default() - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_lost_account_has_no_compound_return() {
        let broke = curve_metrics(&[100.0, -50.0, -60.0]);
        assert_eq!(broke.cagr_252, None);
        assert_eq!(broke.calmar, None);
    }

    #[test]
    fn the_drawdown_is_the_deepest_from_any_peak() {
        assert!((max_drawdown(&[100.0, 80.0, 120.0, 90.0, 130.0, 120.0]) + 0.25).abs() < 1e-12);
        assert!(max_drawdown(&[1.0, 2.0, 3.0]).abs() < f64::EPSILON);
        assert!(max_drawdown(&[]).abs() < f64::EPSILON);
    }
}
