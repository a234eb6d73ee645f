//! Where a strategy would enter and exit, decided on each bar's close.

use super::mask::Mask;
use super::protection::Levels;
use super::strategy::Strategy;
use crate::bars::Series;
use crate::decision::Action;
use crate::indicators::{PrefixSums, deviation, previous_max, previous_min, rsi};
use crate::technical::{Columns, Judgement, judge};

/// The bars on which a rule says enter and exit, of one symbol.
///
/// They are conditions, not orders: what they do depends on the position held then.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    /// Bars whose close says enter.
    pub entry: Mask,
    /// Bars whose close says exit.
    pub exit: Mask,
    /// The stop and target of an entry on each bar, of rules that name them.
    pub levels: Option<Levels>,
}

impl Signals {
    /// Returns the signals of `strategy` on `series`; a bar's signal reads no later bar.
    pub fn new(strategy: &Strategy, series: &Series) -> Self {
        let close = &series.close;
        let len = close.len();
        let levels = |entry: &dyn Fn(usize) -> bool, exit: &dyn Fn(usize) -> bool| Self {
            entry: Mask::from_fn(len, entry),
            exit: Mask::from_fn(len, exit),
            levels: None,
        };
        match *strategy {
            Strategy::BuyAndHold => levels(&|_| true, &|_| false),
            Strategy::MovingAverageCrossover { fast, slow } => {
                let sums = PrefixSums::new(close);
                Self::crossover(&sums.sma(fast), &sums.sma(slow))
            }
            Strategy::Momentum { lookback, threshold, rsi_period, overbought, oversold } => {
                let strength = rsi(close, rsi_period);
                let change = |i: usize| {
                    if i < lookback { f64::NAN } else { close[i] / close[i - lookback] - 1.0 }
                };
                levels(&|i| change(i) > threshold && strength[i] < overbought, &|i| {
                    change(i) < -threshold && strength[i] > oversold
                })
            }
            Strategy::RsiReversion { period, low, high } => {
                let strength = rsi(close, period);
                levels(&|i| strength[i] < low, &|i| strength[i] > high)
            }
            Strategy::BollingerReversion { period, k } => {
                let mean = PrefixSums::new(close).sma(period);
                let width = deviation(close, &mean, period);
                levels(&|i| close[i] < mean[i] - k * width[i], &|i| close[i] > mean[i])
            }
            Strategy::BollingerBreakout { period, k } => {
                let mean = PrefixSums::new(close).sma(period);
                let width = deviation(close, &mean, period);
                levels(&|i| close[i] > mean[i] + k * width[i], &|i| close[i] < mean[i])
            }
            Strategy::DonchianBreakout { entry, exit } => {
                let top = previous_max(&series.high, entry);
                let bottom = previous_min(&series.low, exit);
                levels(&|i| close[i] > top[i], &|i| close[i] < bottom[i])
            }
            Strategy::TechnicalAnalyst => Self::judged(series),
        }
    }

    /// Returns the signals of the technical analyst, who sees no news.
    fn judged(series: &Series) -> Self {
        let columns = Columns::new(series);
        let judged: Vec<Option<Judgement>> =
            (0..series.len()).map(|bar| columns.row(bar).map(|row| judge(&row, row.close, None))).collect();
        let says = |bar: usize, action| judged[bar].is_some_and(|judgement| judgement.action == action);
        let level = |of: fn(&Judgement) -> Option<f64>| {
            judged.iter().map(|judgement| judgement.as_ref().and_then(of).unwrap_or(f64::NAN)).collect()
        };
        Self {
            entry: Mask::from_fn(judged.len(), |bar| says(bar, Action::Buy)),
            exit: Mask::from_fn(judged.len(), |bar| says(bar, Action::Sell)),
            levels: Some(Levels { stop: level(|one| one.stop), target: level(|one| one.target) }),
        }
    }

    /// Returns the signals of two means that cross: above is entry, below is exit.
    pub fn crossover(fast: &[f64], slow: &[f64]) -> Self {
        let (below, above) = Mask::compare(fast, slow);
        let (entry, exit) = (Mask::crossing(&below, &above), Mask::crossing(&above, &below));
        Self { entry, exit, levels: None }
    }
}
