//! Moving average convergence and divergence.

use super::smoothing::ema;

/// The columns of the indicator, in the unit of the values, one value a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Macd {
    /// The fast exponential mean.
    pub fast: Vec<f64>,
    /// The slow exponential mean.
    pub slow: Vec<f64>,
    /// Fast less slow.
    pub line: Vec<f64>,
    /// The exponential mean of the line.
    pub signal: Vec<f64>,
    /// Line less signal.
    pub histogram: Vec<f64>,
}

/// Returns the indicator with means over `fast` and `slow` values and a signal over `signal`
/// values of the line; the histogram starts at `max(fast, slow) + signal - 2`.
///
/// Source: Appel (2005), "Technical Analysis: Power Tools for Active Investors".
pub fn macd(values: &[f64], fast: usize, slow: usize, signal: usize) -> Macd {
    let (fast, slow) = (ema(values, fast), ema(values, slow));
    let less = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
    let line = less(&fast, &slow);
    let signal = ema(&line, signal);
    let histogram = less(&line, &signal);
    Macd { fast, slow, line, signal, histogram }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_worked_out_by_hand() {
        let got = macd(&[1.0, 3.0, 5.0, 1.0, 9.0], 1, 3, 2);
        // Fast is the values; slow is seeded by 3 at index 2, then 3 + (1 - 3) / 2 and so on.
        assert_eq!(got.slow[2..], [3.0, 2.0, 5.5]);
        assert_eq!(got.line[2..], [2.0, -1.0, 3.5]);
        // Seed (2 - 1) / 2, then 0.5 + (3.5 - 0.5) * 2 / 3.
        assert_eq!(got.signal[3..], [0.5, 2.5]);
        assert_eq!(got.histogram[3..], [-1.5, 1.0]);
        assert!(got.line[1].is_nan() && got.signal[2].is_nan() && got.histogram[2].is_nan());
    }
}
