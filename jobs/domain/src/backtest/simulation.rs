//! The event-by-event run over one cash pool, in chunks as large as the caller likes.

use chrono::NaiveDate;

use super::book::Book;
use super::config::{Config, Direction, Fill};
use super::event::Side;
use super::fills::Order;
use super::protection::Protection;
use super::report::Report;
use super::signals::Signals;
use super::terms::{Configured, Terms};
use super::timeline::{SimulationError, check_all, sessions};
use crate::bars::Series;

/// A back-test under way.
///
/// Each session, in this order: orders queued for the open are filled (closings first, then
/// openings, each in the order of the symbols); stops and targets are watched; orders queued
/// for the close are filled; positions are marked; the strategy decides on the close, and
/// with [`Fill::SameClose`] its orders are filled there; one equity point is recorded. A
/// symbol without a bar that day keeps its last close and decides nothing.
#[derive(Debug, Clone)]
pub struct Simulation<'a, T: Terms = Configured> {
    pub(super) config: Config,
    pub(super) terms: T,
    pub(super) series: &'a [Series],
    signals: Vec<Signals>,
    /// Whether any position may have a stop or a target.
    protects: bool,
    first_decision: usize,
    pub(super) dates: Vec<NaiveDate>,
    /// Next bar of each symbol.
    pub(super) cursors: Vec<usize>,
    /// Whether each symbol has a bar in this session.
    pub(super) present: Vec<bool>,
    pub(super) queued: Vec<Option<Order>>,
    pub(super) waiting: usize,
    pub(super) book: Book,
    equity: Vec<f64>,
    cash: Vec<f64>,
    exposure: Vec<f64>,
    pub(super) bar: usize,
}

impl<'a> Simulation<'a> {
    /// Prepares a run of `config` over `series`, any number of symbols, any of them empty.
    ///
    /// Refuses a configuration that does not validate, columns of different lengths, dates
    /// that do not ascend, prices that are not above zero and symbols given twice.
    pub fn new(config: &Config, series: &'a [Series]) -> Result<Self, SimulationError> {
        Self::with_terms(config, Configured::new(config), series)
    }
}

impl<'a, T: Terms> Simulation<'a, T> {
    /// Prepares a run whose prices, fees and sizes are those of `terms`; the configuration's
    /// own fees, slippage and sizing are not used.
    pub fn with_terms(config: &Config, terms: T, series: &'a [Series]) -> Result<Self, SimulationError> {
        let signals = series.iter().map(|one| Signals::new(&config.strategy, one)).collect();
        Self::with_signals(config, terms, series, signals)
    }

    /// Prepares a run on `signals`, one for each of `series`, instead of the strategy's own.
    pub fn with_signals(
        config: &Config,
        terms: T,
        series: &'a [Series],
        signals: Vec<Signals>,
    ) -> Result<Self, SimulationError> {
        config.validate()?;
        check_all(series)?;
        let dates = sessions(series);
        let symbols = series.len();
        Ok(Self {
            terms,
            series,
            protects: config.stop_loss.is_some()
                || config.take_profit.is_some()
                || signals.iter().any(|one| one.levels.is_some()),
            signals,
            first_decision: config.first_decision.unwrap_or_else(|| config.strategy.warm_up()),
            cursors: vec![0; symbols],
            present: vec![false; symbols],
            queued: vec![None; symbols],
            waiting: 0,
            book: Book::new(config.initial_cash, symbols),
            equity: Vec::with_capacity(dates.len()),
            cash: Vec::with_capacity(dates.len()),
            exposure: Vec::with_capacity(dates.len()),
            bar: 0,
            dates,
            config: config.clone(),
        })
    }

    /// Returns the number of sessions of the whole run.
    pub fn bars(&self) -> usize {
        self.dates.len()
    }

    /// Returns the number of sessions done.
    pub fn done(&self) -> usize {
        self.bar
    }

    /// Returns the part done, 0 to 1; 1 when there is nothing to do.
    pub fn progress(&self) -> f64 {
        if self.dates.is_empty() { 1.0 } else { self.bar as f64 / self.dates.len() as f64 }
    }

    /// Runs the sessions before `bar`, as far as there are any; nothing is run twice.
    pub fn step_until(&mut self, bar: usize) {
        while self.bar < bar.min(self.dates.len()) {
            self.step();
        }
    }

    /// Runs what is left and returns the report.
    pub fn finish(mut self) -> Report {
        self.step_until(self.dates.len());
        if self.config.close_at_end && self.bar > 0 {
            self.close_all();
            // The last point is booked again, now without positions.
            let last = self.bar - 1;
            self.equity[last] = self.book.cash;
            self.cash[last] = self.book.cash;
            self.exposure[last] = 0.0;
        }
        Report::new(
            self.series,
            self.dates,
            self.equity,
            self.cash,
            self.exposure,
            self.book,
            self.config.initial_cash,
        )
    }

    fn step(&mut self) {
        let date = self.dates[self.bar];
        for ((present, &cursor), series) in self.present.iter_mut().zip(&self.cursors).zip(self.series) {
            *present = series.dates.get(cursor) == Some(&date);
        }
        if self.config.fill == Fill::NextOpen {
            self.fill_queued(|series, bar| series.open[bar]);
        }
        if self.protects {
            self.watch_levels();
        }
        if self.config.fill == Fill::NextClose {
            self.fill_queued(|series, bar| series.close[bar]);
        }
        for symbol in 0..self.series.len() {
            if self.present[symbol] {
                self.book.marks[symbol] = self.series[symbol].close[self.cursors[symbol]];
                self.decide(symbol);
            }
        }
        if self.config.fill == Fill::SameClose {
            self.fill_queued(|series, bar| series.close[bar]);
        }
        let (net, short) = self.book.values();
        self.equity.push(self.book.cash + net);
        self.cash.push(self.book.cash);
        self.exposure.push(net + 2.0 * short);
        for (cursor, &present) in self.cursors.iter_mut().zip(&self.present) {
            *cursor += usize::from(present);
        }
        self.bar += 1;
    }

    /// Turns the signal of the symbol's bar into an order, by the position held.
    fn decide(&mut self, symbol: usize) {
        let bar = self.cursors[symbol];
        if bar < self.first_decision {
            return;
        }
        let signals = &self.signals[symbol];
        let (entry, exit) = (signals.entry.get(bar), signals.exit.get(bar));
        if !entry && !exit {
            return;
        }
        let held = self.book.positions[symbol].map(|position| position.side);
        let turn = |side: Side| match held {
            Some(held) if held == side && !self.terms.renews() => None,
            held => Some((held.is_some(), Some(side))),
        };
        let action = match (self.config.direction, held) {
            (Direction::LongOnly, None) if entry => Some((false, Some(Side::Buy))),
            (Direction::LongOnly, Some(_)) if exit => Some((true, None)),
            (Direction::LongOnly, _) => None,
            (Direction::LongShort, _) if entry => turn(Side::Buy),
            (Direction::LongShort, _) => turn(Side::Sell),
        };
        if let Some((closes, opens)) = action {
            let close = self.series[symbol].close[bar];
            let protection = opens.map_or_else(Protection::default, |side| {
                Protection::new(&self.config, signals.levels.as_ref(), side, close, bar)
            });
            self.waiting += usize::from(self.queued[symbol].is_none());
            self.queued[symbol] = Some(Order { closes, opens, protection });
        }
    }
}
