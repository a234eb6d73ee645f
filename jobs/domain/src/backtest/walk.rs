//! The fast path: visits only the bars on which something is decided.
//!
//! For one symbol, long only, without protective levels, what happens between two fills is
//! fixed by cash and quantity; so only signals are visited, found in bit masks. The decisions
//! and the arithmetic of fills are those of [`super::Simulation`].

use super::book::spend;
use super::config::{Config, Direction, Fill};
use super::event::Side;
use super::signals::Signals;
use super::terms::{Ask, Terms};
use crate::bars::Series;

/// A position from its opening to its closing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Leg {
    /// Bar decided on, and bar filled on.
    pub decided: usize,
    pub entry: usize,
    pub quantity: f64,
    pub entry_reference: f64,
    pub entry_price: f64,
    pub entry_fees: f64,
    /// Cash while the position is held.
    pub cash_held: f64,
    /// The closing; `None` when held to the end.
    pub exit: Option<Exit>,
}

/// The closing of a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exit {
    pub bar: usize,
    pub reference: f64,
    pub price: f64,
    pub fees: f64,
    /// Cash afterwards.
    pub cash: f64,
    /// Whether the run ended rather than the rule exited.
    pub at_end: bool,
}

/// Returns whether the fast path gives what the event path would.
pub(crate) fn supports(config: &Config) -> bool {
    config.direction == Direction::LongOnly
        && config.stop_loss.is_none()
        && config.take_profit.is_none()
        && !config.strategy.protects()
}

/// The legs of one run, in order.
#[derive(Debug)]
pub(crate) struct Walk<'a, T: Terms> {
    series: &'a Series,
    signals: &'a Signals,
    terms: &'a T,
    /// Bars between decision and fill.
    delay: usize,
    prices: &'a [f64],
    close_at_end: bool,
    /// First bar on which the next decision may be taken.
    from: usize,
    cash: f64,
}

impl<'a, T: Terms> Walk<'a, T> {
    /// Starts a walk that decides from bar `first` on.
    pub(crate) fn new(
        config: &Config,
        terms: &'a T,
        series: &'a Series,
        signals: &'a Signals,
        first: usize,
    ) -> Self {
        Self {
            series,
            signals,
            terms,
            delay: usize::from(config.fill != Fill::SameClose),
            prices: if config.fill == Fill::NextOpen { &series.open } else { &series.close },
            close_at_end: config.close_at_end,
            from: first,
            cash: config.initial_cash,
        }
    }

    fn exit(&self, bar: usize, reference: f64, quantity: f64, cash_held: f64, at_end: bool) -> Exit {
        let price = self.terms.price(Side::Sell, false, reference);
        let fees = self.terms.fees(quantity, price, 1.0);
        Exit { bar, reference, price, fees, cash: cash_held + quantity * price - fees, at_end }
    }
}

impl<T: Terms> Iterator for Walk<'_, T> {
    type Item = Leg;

    #[inline]
    fn next(&mut self) -> Option<Leg> {
        let last = self.series.len().checked_sub(1)?;
        loop {
            let decided = self.signals.entry.next_from(self.from)?;
            let entry = decided + self.delay;
            let reference = *self.prices.get(entry)?;
            self.from = decided + 1;
            let price = self.terms.price(Side::Buy, true, reference);
            let quantity = self.terms.quantity(&Ask {
                side: Side::Buy,
                reference,
                price,
                free_cash: self.cash,
                equity: self.cash,
                short_value: 0.0,
                symbols: 1,
            });
            let opened = quantity > 0.0;
            if !opened {
                continue;
            }
            let entry_fees = self.terms.fees(quantity, price, 1.0);
            let cash_held = spend(self.cash, quantity * price, entry_fees);
            let signal = self.signals.exit.next_from(self.from).map_or(last + 1, |bar| bar + self.delay);
            let exit = if signal <= last {
                Some(self.exit(signal, self.prices[signal], quantity, cash_held, false))
            } else if self.close_at_end {
                Some(self.exit(last, self.series.close[last], quantity, cash_held, true))
            } else {
                None
            };
            self.from = if signal <= last { signal + 1 - self.delay } else { last + 1 };
            self.cash = exit.map_or(cash_held, |exit| exit.cash);
            return Some(Leg {
                decided,
                entry,
                quantity,
                entry_reference: reference,
                entry_price: price,
                entry_fees,
                cash_held,
                exit,
            });
        }
    }
}
