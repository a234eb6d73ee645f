//! Price channels: the extremes of the bars before a bar.

use std::collections::VecDeque;

/// Returns the largest of the `window` values *before* each index; first value at `window`.
///
/// Source: Donchian's channel, with the deciding bar left out of the window.
pub fn previous_max(values: &[f64], window: usize) -> Vec<f64> {
    extreme(values, window, |new, old| new >= old)
}

/// Returns the smallest of the `window` values *before* each index; first value at `window`.
///
/// Source: Donchian's channel, with the deciding bar left out of the window.
pub fn previous_min(values: &[f64], window: usize) -> Vec<f64> {
    extreme(values, window, |new, old| new <= old)
}

/// Keeps a queue of candidates, each dominated by none after it, so every value enters and
/// leaves once.
fn extreme(values: &[f64], window: usize, dominates: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    let mut out = vec![f64::NAN; values.len()];
    if window == 0 {
        return out;
    }
    let mut candidates: VecDeque<usize> = VecDeque::with_capacity(window.min(values.len()) + 1);
    for i in 0..values.len() {
        if i >= window {
            while candidates.front().is_some_and(|&c| c + window < i) {
                candidates.pop_front();
            }
            out[i] = candidates.front().map_or(f64::NAN, |&c| values[c]);
        }
        while candidates.back().is_some_and(|&c| dominates(values[i], values[c])) {
            candidates.pop_back();
        }
        candidates.push_back(i);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_channel_is_the_extreme_of_the_bars_before(
            values in prop::collection::vec(0.0_f64..100.0, 0..80), window in 1_usize..20,
        ) {
            let (top, bottom) = (previous_max(&values, window), previous_min(&values, window));
            for i in 0..values.len() {
                if i < window {
                    prop_assert!(top[i].is_nan() && bottom[i].is_nan());
                } else {
                    let before = &values[i - window..i];
                    let highest = before.iter().copied().fold(f64::MIN, f64::max);
                    let lowest = before.iter().copied().fold(f64::MAX, f64::min);
                    prop_assert_eq!((top[i], bottom[i]), (highest, lowest));
                }
            }
        }
    }
}
