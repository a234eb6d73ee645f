//! Every indicator the analyst reads, worked out once for a whole series.

use crate::bars::Series;
use crate::indicators::{Directional, Macd, PrefixSums, atr, deviation, directional, macd, rsi};

/// The fewest bars that give an opinion: a 50-bar mean and settled 14-bar smoothings.
pub const MIN_BARS: usize = 60;
/// Bars over which a move may be a breakout: a week.
const WEEK: usize = 5;
/// Bars over which the rate of change is taken: two weeks.
pub(super) const FORTNIGHT: usize = 10;

/// Columns of indicators, aligned with the bars. No value reads a later bar.
#[derive(Debug, Clone)]
pub struct Columns {
    close: Vec<f64>,
    means: [Vec<f64>; 3],
    deviation: Vec<f64>,
    macd: Macd,
    rsi: Vec<f64>,
    range: Vec<f64>,
    direction: Directional,
}

/// The indicators of one bar. All are finite, but for `sma200`, which is `NaN` on the first bars.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the names are those of the indicators")]
pub struct Row {
    pub close: f64,
    /// The close five bars before.
    pub week_ago: f64,
    /// The close ten bars before.
    pub fortnight_ago: f64,
    pub sma20: f64,
    pub sma50: f64,
    pub sma200: f64,
    pub ema12: f64,
    pub ema26: f64,
    pub rsi14: f64,
    pub macd: f64,
    pub signal: f64,
    pub histogram: f64,
    pub atr14: f64,
    pub adx14: f64,
    pub plus_di: f64,
    pub minus_di: f64,
    /// Population deviation of the last 20 closes; the bands lie two of them off `sma20`.
    pub deviation20: f64,
}

impl Columns {
    /// Works the indicators of `bars` out; columns of equal length and finite prices are the
    /// caller's to check.
    pub fn new(bars: &Series) -> Self {
        let (high, low, close) = (&bars.high, &bars.low, &bars.close);
        let sums = PrefixSums::new(close);
        let means = [20, 50, 200].map(|window| sums.sma(window));
        Self {
            deviation: deviation(close, &means[0], 20),
            means,
            macd: macd(close, 12, 26, 9),
            rsi: rsi(close, 14),
            range: atr(high, low, close, 14),
            direction: directional(high, low, close, 14),
            close: close.clone(),
        }
    }

    /// Returns the indicators at `bar`; `None` before [`MIN_BARS`] bars, past the end, or when
    /// one of them is not finite.
    pub fn row(&self, bar: usize) -> Option<Row> {
        if bar + 1 < MIN_BARS || bar >= self.close.len() {
            return None;
        }
        let row = Row {
            close: self.close[bar],
            week_ago: self.close[bar - WEEK],
            fortnight_ago: self.close[bar - FORTNIGHT],
            sma20: self.means[0][bar],
            sma50: self.means[1][bar],
            sma200: self.means[2][bar],
            ema12: self.macd.fast[bar],
            ema26: self.macd.slow[bar],
            rsi14: self.rsi[bar],
            macd: self.macd.line[bar],
            signal: self.macd.signal[bar],
            histogram: self.macd.histogram[bar],
            atr14: self.range[bar],
            adx14: self.direction.adx[bar],
            plus_di: self.direction.plus[bar],
            minus_di: self.direction.minus[bar],
            deviation20: self.deviation[bar],
        };
        let needed = [
            row.sma20,
            row.sma50,
            row.ema12,
            row.ema26,
            row.rsi14,
            row.macd,
            row.signal,
            row.histogram,
            row.atr14,
            row.adx14,
            row.plus_di,
            row.minus_di,
            row.deviation20,
        ];
        needed.iter().all(|value| value.is_finite()).then_some(row)
    }
}
