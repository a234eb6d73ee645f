//! A whole report by the fast path.

use super::book::{Book, Booking};
use super::config::Config;
use super::event::{OrderType, Reason, Side};
use super::protection::Protection;
use super::report::Report;
use super::signals::Signals;
use super::terms::Configured;
use super::walk::Walk;
use crate::bars::Series;

/// Runs `config` over one symbol; the caller has checked that the fast path supports it.
pub(crate) fn run(config: &Config, series: &Series) -> Report {
    let terms = Configured::new(config);
    let signals = Signals::new(&config.strategy, series);
    let first = config.first_decision.unwrap_or_else(|| config.strategy.warm_up());
    let len = series.len();
    let mut book = Book::new(config.initial_cash, 1);
    let mut equity = Vec::with_capacity(len);
    let mut cash = Vec::with_capacity(len);
    let mut exposure = Vec::with_capacity(len);
    for leg in Walk::new(config, &terms, series, &signals, first) {
        // Flat until the entry.
        equity.resize(leg.entry, book.cash);
        cash.resize(leg.entry, book.cash);
        exposure.resize(leg.entry, 0.0);
        let at = Booking {
            symbol: 0,
            bar: leg.entry,
            date: series.dates[leg.entry],
            price: leg.entry_price,
            reference: leg.entry_reference,
            fees: leg.entry_fees,
            reason: Reason::Entry,
            order_type: OrderType::Market,
        };
        book.open(&at, Side::Buy, leg.quantity, Protection::default());
        // Held until the exit, marked at each close.
        let end = leg.exit.map_or(len, |exit| exit.bar);
        exposure.extend(series.close[leg.entry..end].iter().map(|close| leg.quantity * close));
        equity.extend(exposure[leg.entry..].iter().map(|value| leg.cash_held + value));
        cash.resize(end, leg.cash_held);
        if let Some(exit) = leg.exit {
            let reason = if exit.at_end { Reason::CloseAtEnd } else { Reason::Exit };
            let (price, reference, fees) = (exit.price, exit.reference, exit.fees);
            book.close(&Booking {
                bar: exit.bar,
                date: series.dates[exit.bar],
                price,
                reference,
                fees,
                reason,
                ..at
            });
        }
    }
    equity.resize(len, book.cash);
    cash.resize(len, book.cash);
    exposure.resize(len, 0.0);
    book.marks[0] = series.close.last().copied().unwrap_or_default();
    let one = std::slice::from_ref(series);
    Report::new(one, series.dates.clone(), equity, cash, exposure, book, config.initial_cash)
}
