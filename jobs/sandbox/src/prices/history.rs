//! The daily bars of one stock: the recorded ones, and as many simulated ones as are asked for.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{Days, NaiveDate};
use domain::{
    bars::{Provenance, Series},
    continuation,
};
use thiserror::Error;

use super::{listing::Listing, pips::Pips};

/// The bar of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daily {
    /// The New York date.
    pub date: NaiveDate,
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
    /// Whether it was recorded at the market.
    pub provenance: Provenance,
}

/// A shipped file that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{symbol}.csv line {line} is not date,open,high,low,close,volume: {text:?}")]
pub struct FileError {
    symbol: &'static str,
    line: usize,
    text: String,
}

/// The daily bars of one stock.
#[derive(Debug)]
pub(super) struct History {
    real: Series,
    bars: RwLock<Arc<Vec<Daily>>>,
}

impl History {
    /// Reads the bars that ship for `listing`.
    pub(super) fn of(listing: &Listing) -> Result<Self, FileError> {
        let mut real = Series { symbol: listing.symbol.to_owned(), ..Series::default() };
        for (line, text) in listing.bars.lines().enumerate().skip(1) {
            append(&mut real, text).ok_or_else(|| FileError {
                symbol: listing.symbol,
                line: line + 1,
                text: text.to_owned(),
            })?;
        }
        let bars = dailies(&real).collect();
        Ok(Self { real, bars: RwLock::new(Arc::new(bars)) })
    }

    /// Returns the bars up to `date` at least, oldest first. Sessions after the recorded ones
    /// are simulated by [`domain::continuation`].
    pub(super) fn through(&self, date: NaiveDate) -> Arc<Vec<Daily>> {
        let bars = Arc::clone(&self.bars.read().unwrap_or_else(PoisonError::into_inner));
        if bars.last().is_some_and(|last| last.date >= date) {
            return bars;
        }
        // Further than asked for, so that a running clock seldom comes here. The holder of the
        // lock replaces the list as a whole, so a poisoned one is sound.
        let mut bars = self.bars.write().unwrap_or_else(PoisonError::into_inner);
        if bars.last().is_none_or(|last| last.date < date)
            && let Ok(simulated) = continuation::continuation(&self.real, date + Days::new(366))
        {
            *bars = Arc::new(dailies(&self.real).chain(dailies(&simulated)).collect());
        }
        Arc::clone(&bars)
    }

    /// Returns the bar of the session of `date`.
    pub(super) fn on(&self, date: NaiveDate) -> Option<Daily> {
        let bars = self.through(date);
        bars.binary_search_by_key(&date, |bar| bar.date).ok().map(|place| bars[place])
    }

    /// Returns the bar of the last session before `date`.
    pub(super) fn before(&self, date: NaiveDate) -> Option<Daily> {
        let bars = self.through(date);
        let place = bars.partition_point(|bar| bar.date < date);
        place.checked_sub(1).map(|place| bars[place])
    }
}

fn append(series: &mut Series, line: &str) -> Option<()> {
    let (date, rest) = line.split_once(',')?;
    let mut numbers = rest.split(',').map(|text| text.parse::<f64>().ok().filter(|n| n.is_finite()));
    let mut number = || numbers.next().flatten();
    series.dates.push(date.parse().ok()?);
    series.open.push(number()?);
    series.high.push(number()?);
    series.low.push(number()?);
    series.close.push(number()?);
    series.volume.push(number()?);
    series.provenance.push(Provenance::Real);
    Some(())
}

fn dailies(series: &Series) -> impl Iterator<Item = Daily> {
    (0..series.len()).map(|i| Daily {
        date: series.dates[i],
        open: Pips::rounded(series.open[i]),
        high: Pips::rounded(series.high[i]),
        low: Pips::rounded(series.low[i]),
        close: Pips::rounded(series.close[i]),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "volumes are whole, 0 to 1e15"
        )]
        volume: series.volume[i] as u64,
        provenance: series.provenance[i],
    })
}
