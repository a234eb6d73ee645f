//! Means that forget exponentially: the usual one and Wilder's.

/// Returns the exponential moving mean over `period` values, with the weight 2 / (period + 1) on
/// the newest.
///
/// Seeded by the plain mean of the first `period` values; leading `NaN`s are skipped. Source:
/// Appel (2005), "Technical Analysis: Power Tools for Active Investors".
pub fn ema(values: &[f64], period: usize) -> Vec<f64> {
    let weight = 2.0 / (period as f64 + 1.0);
    smoothed(values, period, |mean, value| mean + weight * (value - mean))
}

/// Returns Wilder's moving mean over `period` values: `(mean * (period - 1) + value) / period`.
///
/// Seeded by the plain mean of the first `period` values; leading `NaN`s are skipped. Source:
/// Wilder (1978), "New Concepts in Technical Trading Systems".
pub fn wilder(values: &[f64], period: usize) -> Vec<f64> {
    let divisor = period as f64;
    smoothed(values, period, |mean, value| (mean * (divisor - 1.0) + value) / divisor)
}

fn smoothed(values: &[f64], period: usize, step: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut out = vec![f64::NAN; values.len()];
    let first = values.iter().take_while(|value| value.is_nan()).count();
    if period == 0 || values.len() - first < period {
        return out;
    }
    let seeded = first + period;
    let mut mean = values[first..seeded].iter().sum::<f64>() / period as f64;
    out[seeded - 1] = mean;
    for (value, out) in values[seeded..].iter().zip(&mut out[seeded..]) {
        mean = step(mean, *value);
        *out = mean;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_means_are_those_worked_out_by_hand() {
        let values = [f64::NAN, 2.0, 4.0, 9.0, 1.0];
        let cases = [
            // Seed (2 + 4 + 9) / 3 = 5, then 5 + (1 - 5) / 2.
            (ema(&values, 3), [5.0, 3.0]),
            // The same seed, then (5 * 2 + 1) / 3.
            (wilder(&values, 3), [5.0, 11.0 / 3.0]),
        ];
        for (got, want) in cases {
            assert!(got[..3].iter().all(|value| value.is_nan()), "{got:?}");
            assert!(got[3..].iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?}");
        }
    }

    #[test]
    fn too_short_a_series_has_no_mean() {
        for values in [&[][..], &[1.0], &[f64::NAN, 1.0], &[f64::NAN; 3]] {
            assert!(ema(values, 2).iter().chain(&wilder(values, 2)).all(|value| value.is_nan()));
            assert!(ema(values, 0).iter().chain(&wilder(values, 0)).all(|value| value.is_nan()));
        }
    }
}
