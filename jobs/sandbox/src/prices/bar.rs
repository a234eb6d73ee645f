//! Bars of any length, and how they add up.

use chrono::{DateTime, Utc};

use super::pips::Pips;

/// What happened in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// When the stretch begins.
    pub start: DateTime<Utc>,
    /// The first price.
    pub open: Pips,
    /// The highest price.
    pub high: Pips,
    /// The lowest price.
    pub low: Pips,
    /// The last price.
    pub close: Pips,
    /// Shares traded.
    pub volume: u64,
    /// Trades made.
    pub trades: u64,
    /// The average price, weighted by volume, in pips.
    pub average: f64,
}

impl Bar {
    /// Appends the bar that follows this one.
    pub fn add(&mut self, next: &Self) {
        let volume = self.volume + next.volume;
        if volume > 0 {
            self.average =
                (self.average * self.volume as f64 + next.average * next.volume as f64) / volume as f64;
        }
        self.high = self.high.max(next.high);
        self.low = self.low.min(next.low);
        self.close = next.close;
        self.volume = volume;
        self.trades += next.trades;
    }

    /// Returns the average price in dollars, to six decimals.
    pub fn average_dollars(&self) -> f64 {
        (self.average * 100.0).round() / 1e6
    }
}

/// Joins bars of one stretch, oldest first, under the time `start`.
pub(super) fn joined(start: DateTime<Utc>, bars: impl IntoIterator<Item = Bar>) -> Option<Bar> {
    let mut bars = bars.into_iter();
    let mut whole = Bar { start, ..bars.next()? };
    bars.for_each(|bar| whole.add(&bar));
    Some(whole)
}
