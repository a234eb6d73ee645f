//! Percentiles of returns, by selection rather than by sorting.

/// The lower and upper tail of a sample.
pub(super) struct Tails {
    /// 5th percentile.
    pub low: f64,
    /// 95th percentile.
    pub high: f64,
    /// Mean of all values up to the rank of the 5th percentile, that one included.
    pub low_mean: f64,
}

/// Returns the tails of `sample`, in any order, not empty.
///
/// Percentiles are linear between ranks (Hyndman and Fan (1996), type 7, numpy's default);
/// the mean below follows empyrical's `conditional_value_at_risk`.
pub(super) fn tails(mut sample: Vec<f64>) -> Tails {
    let last = sample.len() - 1;
    let (low_rank, low_part) = rank(last, 0.05);
    let (below, &mut low, above) = sample.select_nth_unstable_by(low_rank, f64::total_cmp);
    let low_mean = (below.iter().sum::<f64>() + low) / (low_rank + 1) as f64;
    let next = above.iter().copied().fold(f64::INFINITY, f64::min);
    let low = between(low, next, low_part);

    let (high_rank, high_part) = rank(last, 0.95);
    let offset = low_rank.min(high_rank);
    let (_, &mut high, above) = sample[offset..].select_nth_unstable_by(high_rank - offset, f64::total_cmp);
    let next = above.iter().copied().fold(f64::INFINITY, f64::min);
    Tails { low, high: between(high, next, high_part), low_mean }
}

/// Returns the rank at or below the quantile, and how far beyond it the quantile lies.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rank(last: usize, quantile: f64) -> (usize, f64) {
    let position = last as f64 * quantile;
    (position as usize, position.fract())
}

fn between(low: f64, high: f64, part: f64) -> f64 {
    if part > 0.0 && high.is_finite() { low + (high - low) * part } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_tails_are_those_of_the_sorted_sample(sample in prop::collection::vec(-1.0_f64..1.0, 1..200)) {
            let mut sorted = sample.clone();
            sorted.sort_by(f64::total_cmp);
            let percentile = |quantile: f64| {
                let (low, part) = rank(sorted.len() - 1, quantile);
                let high = sorted[(low + 1).min(sorted.len() - 1)];
                sorted[low] + (high - sorted[low]) * part
            };
            let got = tails(sample);
            prop_assert!((got.low - percentile(0.05)).abs() < 1e-12);
            prop_assert!((got.high - percentile(0.95)).abs() < 1e-12);
            let (rank, _) = rank(sorted.len() - 1, 0.05);
            let mean = sorted[..=rank].iter().sum::<f64>() / (rank + 1) as f64;
            prop_assert!((got.low_mean - mean).abs() < 1e-12);
        }
    }
}
