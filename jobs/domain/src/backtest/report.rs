//! What a run returns: the equity curve, fills, round trips and figures.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::book::{Book, round_trip};
use super::event::{RoundTrip, TradeEvent};
use crate::bars::{Provenance, Series};
use crate::metrics::Metrics;

/// The result of one run; plain columns, one entry a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Tickers; events and trades refer to them by index.
    pub symbols: Vec<String>,
    /// Sessions, ascending.
    pub dates: Vec<NaiveDate>,
    /// Cash plus positions at their last close, at each session's end.
    pub equity: Vec<f64>,
    /// Cash at each session's end.
    pub cash: Vec<f64>,
    /// Value of all positions at their last close, longs and shorts both positive, money.
    pub exposure: Vec<f64>,
    /// Every fill, in the order they happened.
    pub events: Vec<TradeEvent>,
    /// Closed round trips, in closing order.
    pub trades: Vec<RoundTrip>,
    /// Positions still open, marked at the last close, by symbol.
    pub open_positions: Vec<RoundTrip>,
    /// Performance figures, with their conventions.
    pub metrics: Metrics,
    /// Where the bars came from.
    pub bars_used: BarsUsed,
}

/// One point of the equity curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EquityPoint {
    /// The session.
    pub date: NaiveDate,
    /// Cash plus positions, money.
    pub equity: f64,
    /// Cash, money.
    pub cash: f64,
    /// Gross value of the positions, money.
    pub exposure: f64,
}

/// How many recorded and how many simulated bars a run read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BarsUsed {
    /// Bars recorded at the market, over all symbols.
    pub real: usize,
    /// Bars produced by the continuation, over all symbols.
    pub simulated: usize,
    /// The first session with a simulated bar.
    pub first_simulated: Option<NaiveDate>,
}

impl BarsUsed {
    fn new(series: &[Series]) -> Self {
        let mut used = Self::default();
        for one in series {
            let simulated = one.provenance.iter().filter(|&&from| from == Provenance::Simulated).count();
            used.simulated += simulated;
            used.real += one.len() - simulated;
            if simulated > 0 {
                let first = one.provenance.iter().position(|&from| from == Provenance::Simulated);
                let date = first.map(|bar| one.dates[bar]);
                used.first_simulated = [used.first_simulated, date].into_iter().flatten().min();
            }
        }
        used
    }

    /// Returns whether any bar was not recorded at the market.
    pub fn any_simulated(&self) -> bool {
        self.simulated > 0
    }
}

impl Report {
    pub(crate) fn new(
        series: &[Series],
        dates: Vec<NaiveDate>,
        equity: Vec<f64>,
        cash: Vec<f64>,
        exposure: Vec<f64>,
        book: Book,
        initial_cash: f64,
    ) -> Self {
        let open_positions: Vec<RoundTrip> = book
            .positions
            .iter()
            .enumerate()
            .filter_map(|(symbol, position)| {
                let (position, last) = (position.as_ref()?, dates.len().checked_sub(1)?);
                Some(round_trip(position, symbol, last, dates[last], book.marks[symbol], 0.0, None))
            })
            .collect();
        let metrics = Metrics::new(&dates, &equity, &exposure, &book.events, &book.trades, initial_cash);
        Self {
            symbols: series.iter().map(|one| one.symbol.clone()).collect(),
            bars_used: BarsUsed::new(series),
            dates,
            equity,
            cash,
            exposure,
            events: book.events,
            trades: book.trades,
            open_positions,
            metrics,
        }
    }

    /// Returns the equity curve point by point, oldest first.
    pub fn points(&self) -> impl ExactSizeIterator<Item = EquityPoint> + '_ {
        self.dates.iter().enumerate().map(|(bar, &date)| EquityPoint {
            date,
            equity: self.equity[bar],
            cash: self.cash[bar],
            exposure: self.exposure[bar],
        })
    }

    /// Returns the ticker of an event's or trade's `symbol` index.
    pub fn symbol(&self, index: usize) -> &str {
        self.symbols.get(index).map_or("", String::as_str)
    }

    /// Returns the equity at the end of the run; `None` without any session.
    pub fn final_equity(&self) -> Option<f64> {
        self.equity.last().copied()
    }
}
