//! No indicator's value at a bar changes when bars follow.

use proptest::prelude::*;

use super::*;

/// Every column of every indicator over bars of `(low, span, close within)`.
fn columns(bars: &[(f64, f64, f64)], period: usize) -> Vec<Vec<f64>> {
    let low: Vec<f64> = bars.iter().map(|bar| bar.0).collect();
    let high: Vec<f64> = bars.iter().map(|bar| bar.0 + bar.1).collect();
    let close: Vec<f64> = bars.iter().map(|bar| bar.0 + bar.1 * bar.2).collect();
    let mean = sma(&close, period);
    let moved = directional(&high, &low, &close, period);
    let trend = macd(&close, period, 2 * period, period);
    vec![
        deviation(&close, &mean, period),
        mean,
        ema(&close, period),
        wilder(&close, period),
        rsi(&close, period),
        true_range(&high, &low, &close),
        atr(&high, &low, &close, period),
        moved.plus,
        moved.minus,
        moved.adx,
        trend.line,
        trend.signal,
        trend.histogram,
        previous_max(&high, period),
        previous_min(&low, period),
    ]
}

proptest! {
    #[test]
    fn a_value_does_not_depend_on_later_bars(
        bars in prop::collection::vec((1.0_f64..500.0, 0.0_f64..20.0, 0.0_f64..1.0), 1..90),
        period in 1_usize..16, cut in 0.0_f64..1.0,
    ) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a small length")]
        let len = (bars.len() as f64 * cut) as usize;
        let whole = columns(&bars, period);
        for (whole, part) in whole.iter().zip(columns(&bars[..len], period)) {
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&whole[..len]), bits(&part));
        }
    }
}
