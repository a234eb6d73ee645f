//! The trading rules the engine knows, as plain values.

use serde::{Deserialize, Serialize};

/// A rule that decides, on each bar's close, whether to enter or to exit.
///
/// Periods count bars. Every rule reads only the bar decided on and those before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Strategy {
    /// Enters on the first bar and never exits.
    BuyAndHold,
    /// Enters when the fast simple mean of closes crosses above the slow one, exits when it
    /// crosses below. Equality on either of the two bars is no cross.
    MovingAverageCrossover {
        /// Bars of the fast mean.
        fast: usize,
        /// Bars of the slow mean; more than `fast`.
        slow: usize,
    },
    /// Follows the return over `lookback` bars: enters above `threshold` unless the RSI is
    /// at or above `overbought`; exits below `-threshold` unless the RSI is at or below
    /// `oversold`.
    Momentum {
        /// Bars over which the return is taken.
        lookback: usize,
        /// The return (0.02 = 2 %) that counts as a move.
        threshold: f64,
        /// Bars of the relative strength index.
        rsi_period: usize,
        /// The RSI (0 to 100) from which buying is too late.
        overbought: f64,
        /// The RSI (0 to 100) down to which selling is too late.
        oversold: f64,
    },
    /// Enters while the RSI is below `low`, exits while it is above `high`.
    RsiReversion {
        /// Bars of the relative strength index (Wilder's smoothing).
        period: usize,
        /// Entry level, 0 to 100.
        low: f64,
        /// Exit level, 0 to 100.
        high: f64,
    },
    /// Enters while the close is below the lower band, exits while it is above the mean.
    BollingerReversion {
        /// Bars of the mean and of the population deviation.
        period: usize,
        /// Band width in deviations.
        k: f64,
    },
    /// Enters while the close is above the upper band, exits while it is below the mean.
    BollingerBreakout {
        /// Bars of the mean and of the population deviation.
        period: usize,
        /// Band width in deviations.
        k: f64,
    },
    /// Enters while the close is above the highest high of the `entry` bars before it, exits
    /// while it is below the lowest low of the `exit` bars before it.
    DonchianBreakout {
        /// Bars of the entry channel, the deciding bar not included.
        entry: usize,
        /// Bars of the exit channel, the deciding bar not included.
        exit: usize,
    },
    /// Follows [`crate::technical::judge`] on each close, without news: enters on its buy, exits
    /// on its sell. A position opened on its buy is also left at the stop and the target it named,
    /// unless the configuration has its own.
    TechnicalAnalyst,
}

impl Strategy {
    /// Returns the index of the first bar on which every indicator has a value.
    pub fn warm_up(&self) -> usize {
        match *self {
            Self::BuyAndHold => 0,
            Self::MovingAverageCrossover { fast, slow } => fast.max(slow).saturating_sub(1),
            Self::Momentum { lookback, rsi_period, .. } => lookback.max(rsi_period),
            Self::RsiReversion { period, .. } => period,
            Self::BollingerReversion { period, .. } | Self::BollingerBreakout { period, .. } => {
                period.saturating_sub(1)
            }
            Self::DonchianBreakout { entry, exit } => entry.max(exit),
            Self::TechnicalAnalyst => crate::technical::MIN_BARS - 1,
        }
    }

    /// Returns whether the rule itself names a stop and a target for what it enters.
    pub(crate) fn protects(&self) -> bool {
        matches!(self, Self::TechnicalAnalyst)
    }

    /// Returns the rule's stable name, as used in stored configurations.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BuyAndHold => "buy_and_hold",
            Self::MovingAverageCrossover { .. } => "moving_average_crossover",
            Self::Momentum { .. } => "momentum",
            Self::RsiReversion { .. } => "rsi_reversion",
            Self::BollingerReversion { .. } => "bollinger_reversion",
            Self::BollingerBreakout { .. } => "bollinger_breakout",
            Self::DonchianBreakout { .. } => "donchian_breakout",
            Self::TechnicalAnalyst => "technical_analyst",
        }
    }
}
