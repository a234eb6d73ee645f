//! Daily bars in columns: the form in which the engine reads prices.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Where a bar comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Recorded at the market.
    Real,
    /// Produced by [`crate::continuation`]; never a fact about the market.
    Simulated,
}

/// The bars of one symbol, oldest first, one entry a column a session.
///
/// All columns have the same length. Prices are in the quote currency, adjusted for
/// splits and dividends; `volume` counts shares.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// The ticker, upper case.
    pub symbol: String,
    /// Session dates (exchange time), strictly ascending.
    pub dates: Vec<NaiveDate>,
    /// Opening prices.
    pub open: Vec<f64>,
    /// Session highs.
    pub high: Vec<f64>,
    /// Session lows.
    pub low: Vec<f64>,
    /// Closing prices.
    pub close: Vec<f64>,
    /// Shares traded.
    pub volume: Vec<f64>,
    /// Provenance of each bar.
    pub provenance: Vec<Provenance>,
}

impl Series {
    /// Returns the number of bars.
    pub fn len(&self) -> usize {
        self.dates.len()
    }

    /// Returns whether there is no bar.
    pub fn is_empty(&self) -> bool {
        self.dates.is_empty()
    }
}
