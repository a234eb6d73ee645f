//! Why a configuration is refused, and the checks that refuse it.

use thiserror::Error;

use super::config::{Config, Sizing, Slippage, Strategy};

/// The longest period an indicator may have, in bars (about forty years of sessions).
pub const MAX_PERIOD: usize = 10_000;
/// The most money a configuration may name, in the quote currency.
pub const MAX_MONEY: f64 = 1e12;
/// The most shares a position may ask for.
pub const MAX_UNITS: f64 = 1e10;

/// A value of the configuration that makes no sense, with the field it stands in.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ConfigError {
    /// A period is zero or longer than [`MAX_PERIOD`].
    #[error("{field} is {value}, must be 1 to {MAX_PERIOD} bars")]
    Period {
        /// Dotted path of the field.
        field: &'static str,
        /// What was given.
        value: usize,
    },
    /// The fast mean is not faster than the slow one.
    #[error("{field} is {value}, must be below slow {slow}")]
    FastNotBelowSlow {
        /// Dotted path of the field.
        field: &'static str,
        /// The fast period.
        value: usize,
        /// The slow period.
        slow: usize,
    },
    /// A lower level is not below the upper one.
    #[error("{field} is {value}, must be below {upper}")]
    LevelsCrossed {
        /// Dotted path of the field.
        field: &'static str,
        /// The lower level.
        value: f64,
        /// The upper level.
        upper: f64,
    },
    /// A number is not finite.
    #[error("{field} is {value}, must be a finite number")]
    NotFinite {
        /// Dotted path of the field.
        field: &'static str,
        /// What was given.
        value: f64,
    },
    /// The starting cash is not above zero, or absurd.
    #[error("{field} is {value}, must be above 0 and at most {MAX_MONEY}")]
    Cash {
        /// Dotted path of the field.
        field: &'static str,
        /// What was given.
        value: f64,
    },
    /// A fee or a slippage lies outside its range.
    #[error("{field} is {value}, must be from 0 to {max}")]
    Cost {
        /// Dotted path of the field.
        field: &'static str,
        /// What was given.
        value: f64,
        /// The largest value allowed.
        max: f64,
    },
    /// A size lies outside its range.
    #[error("{field} is {value}, must be above 0 and at most {max}")]
    Size {
        /// Dotted path of the field.
        field: &'static str,
        /// What was given.
        value: f64,
        /// The largest value allowed.
        max: f64,
    },
    /// A level or threshold lies outside its range.
    #[error("{field} is {value}, must be from {min} to {max}")]
    Level {
        /// Dotted path of the field.
        field: &'static str,
        /// What was given.
        value: f64,
        /// The smallest value allowed.
        min: f64,
        /// The largest value allowed.
        max: f64,
    },
}

impl ConfigError {
    /// Returns the stable code of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Period { .. } => "PERIOD_OUT_OF_RANGE",
            Self::FastNotBelowSlow { .. } => "FAST_NOT_BELOW_SLOW",
            Self::LevelsCrossed { .. } => "LEVELS_CROSSED",
            Self::NotFinite { .. } => "NOT_FINITE",
            Self::Cash { .. } => "CASH_OUT_OF_RANGE",
            Self::Cost { .. } => "COST_OUT_OF_RANGE",
            Self::Size { .. } => "SIZE_OUT_OF_RANGE",
            Self::Level { .. } => "LEVEL_OUT_OF_RANGE",
        }
    }

    /// Returns the dotted path of the offending field, such as `strategy.fast`.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Period { field, .. }
            | Self::FastNotBelowSlow { field, .. }
            | Self::LevelsCrossed { field, .. }
            | Self::NotFinite { field, .. }
            | Self::Cash { field, .. }
            | Self::Cost { field, .. }
            | Self::Size { field, .. }
            | Self::Level { field, .. } => field,
        }
    }

    /// Returns the offending value.
    pub fn value(&self) -> f64 {
        match *self {
            Self::Period { value, .. } | Self::FastNotBelowSlow { value, .. } => value as f64,
            Self::LevelsCrossed { value, .. }
            | Self::NotFinite { value, .. }
            | Self::Cash { value, .. }
            | Self::Cost { value, .. }
            | Self::Size { value, .. }
            | Self::Level { value, .. } => value,
        }
    }
}

impl Config {
    /// Returns the first value that makes no sense, or nothing.
    pub fn validate(&self) -> Result<(), ConfigError> {
        strategy(&self.strategy)?;
        finite("initial_cash", self.initial_cash)?;
        if self.initial_cash <= 0.0 || self.initial_cash > MAX_MONEY {
            return Err(ConfigError::Cash { field: "initial_cash", value: self.initial_cash });
        }
        cost("fees.fixed", self.fees.fixed, MAX_MONEY)?;
        cost("fees.fraction", self.fees.fraction, 1.0)?;
        cost("fees.per_share", self.fees.per_share, MAX_MONEY)?;
        match self.slippage {
            Slippage::Bps(bps) => cost("slippage.bps", bps, 5_000.0)?,
            Slippage::Spread(spread) => cost("slippage.spread", spread, 1.0)?,
        }
        match self.sizing {
            Sizing::AllIn => {}
            Sizing::EquityFraction(f) => size("sizing.equity_fraction", f, 1.0)?,
            Sizing::Notional(v) => size("sizing.notional", v, MAX_MONEY)?,
            Sizing::Units(u) => size("sizing.units", u, MAX_UNITS)?,
        }
        if let Some(limit) = self.short_limit {
            size("short_limit", limit, 100.0)?;
        }
        if let Some(stop) = self.stop_loss {
            size("stop_loss", stop, 1.0)?;
        }
        if let Some(target) = self.take_profit {
            size("take_profit", target, 100.0)?;
        }
        match self.first_decision {
            Some(bar) if bar > 10 * MAX_PERIOD => {
                Err(ConfigError::Period { field: "first_decision", value: bar })
            }
            _ => Ok(()),
        }
    }
}

fn strategy(strategy: &Strategy) -> Result<(), ConfigError> {
    match *strategy {
        Strategy::BuyAndHold | Strategy::TechnicalAnalyst => Ok(()),
        Strategy::MovingAverageCrossover { fast, slow } => {
            period("strategy.fast", fast)?;
            period("strategy.slow", slow)?;
            if fast >= slow {
                return Err(ConfigError::FastNotBelowSlow { field: "strategy.fast", value: fast, slow });
            }
            Ok(())
        }
        Strategy::Momentum { lookback, threshold, rsi_period, overbought, oversold } => {
            period("strategy.lookback", lookback)?;
            period("strategy.rsi_period", rsi_period)?;
            level("strategy.threshold", threshold, 0.0, 10.0)?;
            levels("strategy.oversold", oversold, "strategy.overbought", overbought)
        }
        Strategy::RsiReversion { period: bars, low, high } => {
            period("strategy.period", bars)?;
            levels("strategy.low", low, "strategy.high", high)
        }
        Strategy::BollingerReversion { period: bars, k }
        | Strategy::BollingerBreakout { period: bars, k } => {
            period("strategy.period", bars)?;
            level("strategy.k", k, 0.0, 100.0)
        }
        Strategy::DonchianBreakout { entry, exit } => {
            period("strategy.entry", entry)?;
            period("strategy.exit", exit)
        }
    }
}

fn period(field: &'static str, value: usize) -> Result<(), ConfigError> {
    if (1..=MAX_PERIOD).contains(&value) { Ok(()) } else { Err(ConfigError::Period { field, value }) }
}

fn finite(field: &'static str, value: f64) -> Result<(), ConfigError> {
    if value.is_finite() { Ok(()) } else { Err(ConfigError::NotFinite { field, value }) }
}

fn cost(field: &'static str, value: f64, max: f64) -> Result<(), ConfigError> {
    finite(field, value)?;
    if (0.0..=max).contains(&value) { Ok(()) } else { Err(ConfigError::Cost { field, value, max }) }
}

fn size(field: &'static str, value: f64, max: f64) -> Result<(), ConfigError> {
    finite(field, value)?;
    if value > 0.0 && value <= max { Ok(()) } else { Err(ConfigError::Size { field, value, max }) }
}

fn level(field: &'static str, value: f64, min: f64, max: f64) -> Result<(), ConfigError> {
    finite(field, value)?;
    if (min..=max).contains(&value) { Ok(()) } else { Err(ConfigError::Level { field, value, min, max }) }
}

fn levels(low: &'static str, value: f64, high: &'static str, upper: f64) -> Result<(), ConfigError> {
    level(low, value, 0.0, 100.0)?;
    level(high, upper, 0.0, 100.0)?;
    if value < upper { Ok(()) } else { Err(ConfigError::LevelsCrossed { field: low, value, upper }) }
}
