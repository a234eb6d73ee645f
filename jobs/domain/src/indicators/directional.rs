//! How far bars reach and in which direction: true range and directional movement.
//!
//! Source of all formulas: Wilder (1978), "New Concepts in Technical Trading Systems".

use super::smoothing::wilder;

/// Returns the true range of each bar: the farthest of high and low from each other and from the
/// close before. In the unit of the prices; the first bar has none.
pub fn true_range(high: &[f64], low: &[f64], close: &[f64]) -> Vec<f64> {
    let mut out = vec![f64::NAN; close.len()];
    for i in 1..close.len() {
        let before = close[i - 1];
        out[i] = (high[i] - low[i]).max((high[i] - before).abs()).max((low[i] - before).abs());
    }
    out
}

/// Returns the average true range over `period` bars, Wilder's smoothing; first value at `period`.
pub fn atr(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    wilder(&true_range(high, low, close), period)
}

/// The directional movement system, 0 to 100, one value a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Directional {
    /// Upward movement as a percentage of the range; first value at the period.
    pub plus: Vec<f64>,
    /// Downward movement as a percentage of the range; first value at the period.
    pub minus: Vec<f64>,
    /// How one-sided the movement is, smoothed; first value at twice the period less one.
    pub adx: Vec<f64>,
}

/// Returns the directional movement system over `period` bars. Without any range or movement its
/// values are 0.
pub fn directional(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Directional {
    let mut up = vec![f64::NAN; close.len()];
    let mut down = up.clone();
    for i in 1..close.len() {
        let (rise, fall) = (high[i] - high[i - 1], low[i - 1] - low[i]);
        up[i] = if rise > fall { rise.max(0.0) } else { 0.0 };
        down[i] = if fall > rise { fall.max(0.0) } else { 0.0 };
    }
    let range = atr(high, low, close, period);
    let share = |moves: &[f64]| -> Vec<f64> {
        wilder(moves, period).iter().zip(&range).map(|(moved, range)| percent(*moved, *range)).collect()
    };
    let (plus, minus) = (share(&up), share(&down));
    let index: Vec<f64> = plus.iter().zip(&minus).map(|(p, m)| percent((p - m).abs(), p + m)).collect();
    Directional { adx: wilder(&index, period), plus, minus }
}

/// `NaN` stays `NaN`: there is no value yet.
fn percent(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { 100.0 * part / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: [f64; 5] = [10.0, 12.0, 13.0, 12.0, 15.0];
    const LOW: [f64; 5] = [8.0, 9.0, 11.0, 9.0, 12.0];
    const CLOSE: [f64; 5] = [9.0, 11.0, 12.0, 10.0, 14.0];

    fn near(got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len());
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-9), "{got:?} {want:?}");
    }

    #[test]
    fn ranges_are_those_worked_out_by_hand() {
        // 12-9; 13-11; 12-9 against 12-9 from the close before; 15-10, a gap.
        near(&true_range(&HIGH, &LOW, &CLOSE)[1..], &[3.0, 2.0, 3.0, 5.0]);
        near(&atr(&HIGH, &LOW, &CLOSE, 2)[2..], &[2.5, 2.75, 3.875]);
    }

    #[test]
    fn movements_are_those_worked_out_by_hand() {
        let got = directional(&HIGH, &LOW, &CLOSE, 2);
        // Up 2, 1, 0, 3 and down 0, 0, 2, 0; smoothed 1.5, 0.75, 1.875 and 0, 1, 0.5.
        near(&got.plus[2..], &[60.0, 100.0 * 0.75 / 2.75, 100.0 * 1.875 / 3.875]);
        near(&got.minus[2..], &[0.0, 100.0 / 2.75, 100.0 * 0.5 / 3.875]);
        // Index 100, 0.25 / 1.75, 1.375 / 2.375.
        let seed = f64::midpoint(100.0, 25.0 / 1.75);
        near(&got.adx[3..], &[seed, f64::midpoint(seed, 137.5 / 2.375)]);
        assert!(got.plus[1].is_nan() && got.adx[2].is_nan());
    }

    #[test]
    fn a_flat_series_moves_nowhere() {
        let flat = [5.0; 8];
        let got = directional(&flat, &flat, &flat, 2);
        near(&got.adx[3..], &[0.0; 5]);
        near(&got.plus[2..], &[0.0; 6]);
    }
}
