//! The sessions of a portfolio, and the checks on its bars.

use chrono::NaiveDate;
use thiserror::Error;

use super::config::ConfigError;
use crate::bars::Series;

/// Why a run cannot start.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SimulationError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The columns of a series differ in length.
    #[error("series {symbol} has columns of different lengths")]
    Ragged {
        /// The ticker.
        symbol: String,
    },
    /// A series' dates do not ascend strictly.
    #[error("series {symbol} has bar {bar} not after the bar before it")]
    Unordered {
        /// The ticker.
        symbol: String,
        /// Index of the bar.
        bar: usize,
    },
    /// A price is not a finite number above zero.
    #[error("series {symbol} has a price that is not above zero in bar {bar}")]
    Price {
        /// The ticker.
        symbol: String,
        /// Index of the bar.
        bar: usize,
    },
    /// Two series carry the same ticker.
    #[error("series {symbol} is given twice")]
    Twice {
        /// The ticker.
        symbol: String,
    },
}

impl SimulationError {
    /// Returns the stable code of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(error) => error.code(),
            Self::Ragged { .. } => "BARS_RAGGED",
            Self::Unordered { .. } => "BARS_UNORDERED",
            Self::Price { .. } => "BARS_PRICE_INVALID",
            Self::Twice { .. } => "SYMBOL_TWICE",
        }
    }
}

/// Returns an error when `series` cannot be simulated.
pub(crate) fn check(series: &Series) -> Result<(), SimulationError> {
    let len = series.len();
    let prices = [&series.open, &series.high, &series.low, &series.close];
    if prices.iter().any(|column| column.len() != len) || series.provenance.len() != len {
        return Err(SimulationError::Ragged { symbol: series.symbol.clone() });
    }
    if let Some(bar) = series.dates.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(SimulationError::Unordered { symbol: series.symbol.clone(), bar: bar + 1 });
    }
    let usable = |price: f64| price > 0.0 && price < f64::INFINITY;
    for column in prices {
        // Counted without a branch so that the common case, all usable, vectorises.
        let good = column.iter().map(|&price| u32::from(usable(price))).sum::<u32>();
        if good as usize != len {
            let bar = column.iter().position(|&price| !usable(price)).unwrap_or_default();
            return Err(SimulationError::Price { symbol: series.symbol.clone(), bar });
        }
    }
    Ok(())
}

/// Returns an error when any of `series` cannot be simulated, or two are the same symbol.
pub(crate) fn check_all(series: &[Series]) -> Result<(), SimulationError> {
    for (i, one) in series.iter().enumerate() {
        check(one)?;
        if series[..i].iter().any(|other| other.symbol == one.symbol) {
            return Err(SimulationError::Twice { symbol: one.symbol.clone() });
        }
    }
    Ok(())
}

/// Returns every session on which any of `series` has a bar, ascending.
pub(crate) fn sessions(series: &[Series]) -> Vec<NaiveDate> {
    match series {
        [one] => one.dates.clone(),
        many => {
            let mut dates: Vec<NaiveDate> = many.iter().flat_map(|s| s.dates.iter().copied()).collect();
            dates.sort_unstable();
            dates.dedup();
            dates
        }
    }
}
