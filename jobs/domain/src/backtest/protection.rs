//! The prices at which a position is left without a signal.

use super::config::Config;
use super::event::Side;

/// Stop and target of a long entry decided on each bar, prices; `NaN` where there is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Levels {
    /// Where the loss is cut.
    pub stop: Vec<f64>,
    /// Where the profit is taken.
    pub target: Vec<f64>,
}

/// The stop and the target of one position, prices.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Protection {
    pub stop: Option<f64>,
    pub target: Option<f64>,
}

impl Protection {
    /// Returns the levels of a position on `side` decided on at `close` of `bar`: the fractions of
    /// the configuration, and where it has none those that the rule named.
    pub(crate) fn new(config: &Config, named: Option<&Levels>, side: Side, close: f64, bar: usize) -> Self {
        let sign = side.sign();
        let at = |column: fn(&Levels) -> &Vec<f64>| {
            let level = named.filter(|_| side == Side::Buy).and_then(|levels| column(levels).get(bar));
            level.copied().filter(|level| level.is_finite())
        };
        Self {
            stop: config.stop_loss.map(|f| close * (1.0 - sign * f)).or_else(|| at(|levels| &levels.stop)),
            target: config
                .take_profit
                .map(|f| close * (1.0 + sign * f))
                .or_else(|| at(|levels| &levels.target)),
        }
    }
}
