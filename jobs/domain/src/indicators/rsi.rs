//! The relative strength index.

use super::means::PrefixSums;

/// Returns Wilder's relative strength index over `period` changes, 0 to 100.
///
/// The first value stands at index `period`: the averages are seeded by the plain means of
/// the first `period` gains and losses, then `avg = (avg * (period - 1) + x) / period`. With
/// no loss it is 100. Source: Wilder (1978), "New Concepts in Technical Trading Systems".
pub fn rsi(values: &[f64], period: usize) -> Vec<f64> {
    let mut out = vec![f64::NAN; values.len()];
    if period == 0 || values.len() <= period {
        return out;
    }
    let change = |i: usize| values[i] - values[i - 1];
    let seed = |sign: f64| {
        let moves: Vec<f64> = (1..=period).map(|i| (sign * change(i)).max(0.0)).collect();
        PrefixSums::new(&moves).between(0, period) / period as f64
    };
    let (mut gain, mut loss) = (seed(1.0), seed(-1.0));
    out[period] = index(gain, loss);
    let (kept, divisor) = ((period - 1) as f64, period as f64);
    let rest = values[period..].windows(2).map(|pair| pair[1] - pair[0]);
    for (moved, out) in rest.zip(&mut out[period + 1..]) {
        gain = (gain * kept + moved.max(0.0)) / divisor;
        loss = (loss * kept + (-moved).max(0.0)) / divisor;
        *out = index(gain, loss);
    }
    out
}

fn index(gain: f64, loss: f64) -> f64 {
    if loss <= 0.0 { 100.0 } else { 100.0 - 100.0 / (1.0 + gain / loss) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_series_has_the_highest_index_and_a_falling_one_the_lowest() {
        assert_eq!(rsi(&[1.0, 2.0, 3.0, 4.0], 2)[2..], [100.0, 100.0]);
        assert_eq!(rsi(&[4.0, 3.0, 2.0, 1.0], 2)[2..], [0.0, 0.0]);
    }

    #[test]
    fn the_seed_and_the_first_smoothed_value_follow_wilder() {
        let got = rsi(&[10.0, 12.0, 11.0, 14.0], 2);
        assert!(got[1].is_nan());
        assert!((got[2] - (100.0 - 100.0 / (1.0 + 1.0 / 0.5))).abs() < 1e-12);
        assert!((got[3] - (100.0 - 100.0 / (1.0 + 2.0 / 0.25))).abs() < 1e-12);
    }

    #[test]
    fn too_short_a_series_has_no_index() {
        assert!(rsi(&[1.0, 2.0], 2).iter().all(|v| v.is_nan()));
        assert!(rsi(&[1.0, 2.0], 0).iter().all(|v| v.is_nan()));
        assert!(rsi(&[], 2).is_empty());
    }
}
