//! Moving means and deviations from compensated prefix sums.
//!
//! A crossover rule turns on the sign of a tiny difference, so window sums are kept as an
//! unevaluated pair (rounded sum, sum of rounding errors): the difference of two prefixes is
//! then the correctly rounded window sum, with no drift over the length of the series.
//! Source: Knuth, TAOCP vol. 2, 4.2.2 (`TwoSum`); Ogita, Rump, Oishi (2005), "Accurate Sum
//! and Dot Product".

/// The running sums of a column, from which any window's sum follows in constant time.
#[derive(Debug, Clone)]
pub struct PrefixSums {
    rounded: Vec<f64>,
    errors: Vec<f64>,
}

/// Returns the rounded sum of `a` and `b` and the rounding error made.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

impl PrefixSums {
    /// Sums `values` (any unit, finite), oldest first.
    pub fn new(values: &[f64]) -> Self {
        let mut rounded = vec![0.0; values.len() + 1];
        let mut errors = vec![0.0; values.len() + 1];
        let (mut sum, mut lost) = (0.0, 0.0);
        for ((&value, rounded), error) in values.iter().zip(&mut rounded[1..]).zip(&mut errors[1..]) {
            let (next, part) = two_sum(sum, value);
            sum = next;
            lost += part;
            *rounded = sum;
            *error = lost;
        }
        Self { rounded, errors }
    }

    /// Returns the sum of `values[from..to]`, correctly rounded.
    pub fn between(&self, from: usize, to: usize) -> f64 {
        let (difference, error) = two_sum(self.rounded[to], -self.rounded[from]);
        difference + (error + (self.errors[to] - self.errors[from]))
    }

    /// Returns the simple moving mean over `window` values, in the unit of the column; the
    /// first value stands at `window - 1`. A zero window has no value anywhere.
    pub fn sma(&self, window: usize) -> Vec<f64> {
        let len = self.rounded.len() - 1;
        if window == 0 || window > len {
            return vec![f64::NAN; len];
        }
        let mut out = Vec::with_capacity(len);
        out.resize(window - 1, f64::NAN);
        let divisor = window as f64;
        let high = self.rounded[window..].iter().zip(&self.errors[window..]);
        let low = self.rounded.iter().zip(&self.errors);
        out.extend(high.zip(low).map(|((&to, &to_error), (&from, &from_error))| {
            let (difference, error) = two_sum(to, -from);
            (difference + (error + (to_error - from_error))) / divisor
        }));
        out
    }
}

/// Returns the simple moving mean of `values` over `window` bars.
///
/// First value at `window - 1`, `NaN` before. Source: the arithmetic mean of the window.
pub fn sma(values: &[f64], window: usize) -> Vec<f64> {
    PrefixSums::new(values).sma(window)
}

/// Returns the population standard deviation (ddof 0) of each window of `window` values
/// around `means`, the moving means of the same window.
///
/// First value at `window - 1`, `NaN` before. Two passes, so it does not cancel. Source:
/// Bollinger (2001), "Bollinger on Bollinger Bands", which uses the population form.
pub fn deviation(values: &[f64], means: &[f64], window: usize) -> Vec<f64> {
    let len = values.len();
    if window == 0 || window > len {
        return vec![f64::NAN; len];
    }
    let mut out = vec![0.0; len];
    let sums = &mut out[window - 1..];
    let means = &means[window - 1..];
    // Offset outside, bars inside: the inner loop has no dependency and vectorises.
    for offset in 0..window {
        for ((sum, &mean), &value) in sums.iter_mut().zip(means).zip(&values[offset..]) {
            let distance = value - mean;
            *sum += distance * distance;
        }
    }
    let divisor = window as f64;
    for sum in sums {
        *sum = (*sum / divisor).sqrt();
    }
    out[..window - 1].fill(f64::NAN);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_window_sum_keeps_what_plain_addition_loses() {
        let sums = PrefixSums::new(&[1e16, 1.0, 1.0, -1e16, 0.25]);
        assert_eq!(sums.between(1, 3).to_bits(), 2.0_f64.to_bits());
        assert_eq!(sums.between(0, 5).to_bits(), 2.25_f64.to_bits());
    }

    #[test]
    fn windows_longer_than_the_series_have_no_value() {
        assert!(sma(&[1.0, 2.0], 3).iter().all(|v| v.is_nan()));
        assert!(sma(&[1.0, 2.0], 0).iter().all(|v| v.is_nan()));
        assert!(sma(&[], 3).is_empty());
        assert!(deviation(&[1.0], &[f64::NAN], 2).iter().all(|v| v.is_nan()));
    }

    proptest! {
        #[test]
        fn the_moving_mean_and_deviation_are_those_of_the_window(
            values in prop::collection::vec(0.01_f64..5_000.0, 1..120), window in 1_usize..40,
        ) {
            let means = sma(&values, window);
            let deviations = deviation(&values, &means, window);
            for (i, slice) in values.windows(window).enumerate() {
                let mean = slice.iter().sum::<f64>() / window as f64;
                let spread = slice.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / window as f64;
                prop_assert!((means[i + window - 1] - mean).abs() <= 1e-9 * mean);
                prop_assert!((deviations[i + window - 1] - spread.sqrt()).abs() <= 1e-9 * mean);
            }
        }
    }
}
