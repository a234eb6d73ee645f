//! Ticks: what time and prices do to open orders.
//!
//! A tick looks at every session boundary since the last one, so that a stepped or fast clock
//! that jumps over an open or a close misses neither.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::Exchange;
use super::change::{Change, DayEnd};
use super::market::{Market, Quote, Session};
use super::matching::{self, Outcome};
use super::order::Order;
use super::refusal::Refusal;
use super::terms::{Intent, Status, TimeInForce};

/// Boundaries looked at in one tick; about eight years of sessions.
const MOST_BOUNDARIES: usize = 4_096;

/// The quotes of one moment, each asked for once.
struct Quotes<'a> {
    market: &'a dyn Market,
    at: DateTime<Utc>,
    known: HashMap<String, Option<Quote>>,
}

impl Quotes<'_> {
    fn of(&mut self, symbol: &str) -> Option<Quote> {
        if let Some(quote) = self.known.get(symbol) {
            return *quote;
        }
        let quote = self.market.quote(symbol, self.at);
        self.known.insert(symbol.to_owned(), quote);
        quote
    }
}

impl Exchange {
    /// Works all open orders up to `now` and writes what came of it to the journal.
    pub fn tick(&mut self, market: &dyn Market, now: DateTime<Utc>) -> Result<(), Refusal> {
        let last = self.last_tick.filter(|&last| last < now);
        for boundary in last.map(|last| boundaries(market, last, now)).unwrap_or_default() {
            if boundary.is_close {
                // The last prices of the session, for orders that a jump carried over it.
                if last.is_some_and(|last| last < boundary.at - JUST_BEFORE) {
                    self.evaluate(market, boundary.at - JUST_BEFORE);
                }
                self.end_day(market, boundary.at);
            }
            self.evaluate(market, boundary.at);
        }
        self.evaluate(market, now);
        self.last_tick = Some(self.last_tick.map_or(now, |last| last.max(now)));
        self.commit()
    }

    /// Works all open orders at one moment, oldest first; the caller commits.
    pub(super) fn evaluate(&mut self, market: &dyn Market, at: DateTime<Utc>) {
        if self.book.is_quiet() {
            return;
        }
        let session = market.session(at);
        let mut quotes = Quotes { market, at, known: HashMap::new() };
        for number in self.book.open_numbers() {
            // A fill earlier in this round may have ended it.
            if self.book.orders[number].is_open() {
                self.work(number, session, &mut quotes);
            }
        }
    }

    fn work(&mut self, number: usize, session: Session, quotes: &mut Quotes<'_>) {
        let at = quotes.at;
        let order = &self.book.orders[number];
        let cancels = order.status == Status::PendingCancel;
        if let Some(auction) = order.auction_at {
            let before_close = order.time_in_force == TimeInForce::Cls && session == Session::Regular;
            if cancels {
                self.end(number, Status::Canceled, at);
            } else if at >= auction {
                self.auction(number, auction, quotes.market);
            } else if before_close {
                self.open_up(number, at);
            }
            return;
        }
        if at >= order.expires_at {
            self.end(number, if cancels { Status::Canceled } else { Status::Expired }, at);
            return;
        }
        let runs = match session {
            Session::Regular => true,
            Session::Extended => order.extended_hours,
            Session::Closed => false,
        };
        if runs && order.status != Status::Held {
            self.open_up(number, at);
            if at >= self.book.orders[number].eligible_at {
                self.look_at(number, quotes);
            }
        }
        // A cancellation that found no fill to lose against.
        if self.book.orders[number].status == Status::PendingCancel {
            self.end(number, Status::Canceled, at);
        }
    }

    fn open_up(&mut self, number: usize, at: DateTime<Utc>) {
        let order = &self.book.orders[number];
        if matches!(order.status, Status::Accepted | Status::PendingNew) {
            self.put(Order { status: Status::New, ..order.clone() }, at);
            self.announce("new", number, at);
        }
    }

    fn look_at(&mut self, number: usize, quotes: &mut Quotes<'_>) {
        let at = quotes.at;
        let order = &self.book.orders[number];
        let Some(quote) = quotes.of(&order.symbol) else { return };
        let Outcome { hwm, stop_price, triggered, price } = matching::look(order, &quote);
        if hwm != order.hwm || triggered != order.triggered {
            self.put(Order { stop_price, hwm, triggered, ..order.clone() }, at);
        }
        let order = &self.book.orders[number];
        let immediate = order.time_in_force.is_immediate();
        if let Some(price) = price {
            self.execute(number, price, at, quotes.market);
        }
        if immediate && self.book.orders[number].is_open() {
            self.end(number, Status::Canceled, at);
        }
    }

    /// Fills order `number` at `price`, a closing one at most with what is left to close. One
    /// that finds nothing left is canceled: its group was closed by hand in the meantime.
    fn execute(&mut self, number: usize, price: Decimal, at: DateTime<Utc>, market: &dyn Market) {
        let order = &self.book.orders[number];
        let held = self.book.position_qty(&order.symbol);
        let size = fill_size(order, price);
        let qty = match order.intent {
            Intent::SellToClose => size.min(held),
            Intent::BuyToClose => size.min(-held),
            Intent::BuyToOpen | Intent::SellToOpen => size,
        };
        if qty > Decimal::ZERO {
            self.fill(number, qty, price, at, market);
        } else {
            self.end(number, Status::Canceled, at);
        }
    }

    fn auction(&mut self, number: usize, auction: DateTime<Utc>, market: &dyn Market) {
        self.open_up(number, auction);
        let order = &self.book.orders[number];
        let quote = market.quote(&order.symbol, auction);
        match quote.and_then(|quote| matching::auction(order, quote.last)) {
            Some(price) => self.execute(number, price, auction, market),
            None => self.end(number, Status::Canceled, auction),
        }
    }

    fn end_day(&mut self, market: &dyn Market, at: DateTime<Utc>) {
        let sums = self.figures(market, at);
        let end = DayEnd { at, equity: sums.equity, maintenance_margin: sums.maintenance_margin };
        let same = |old: DayEnd| old.equity == end.equity && old.maintenance_margin == end.maintenance_margin;
        // Nights in which nothing changed would only make the journal long.
        let unchanged = self.book.day_end.map_or(sums.equity == self.book.starting_cash, same);
        if !unchanged {
            self.record(Change::DayEnded(end));
        }
    }
}

/// The last moment of a session.
const JUST_BEFORE: TimeDelta = TimeDelta::milliseconds(1);

struct Boundary {
    at: DateTime<Utc>,
    is_close: bool,
}

fn boundaries(market: &dyn Market, last: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Boundary> {
    let mut all = Vec::new();
    let mut at = last;
    while all.len() < MOST_BOUNDARIES {
        let (open, close) = (market.next_open(at), market.next_close(at));
        let is_close = close < open;
        at = open.min(close);
        if at > now {
            break;
        }
        all.push(Boundary { at, is_close });
    }
    all
}

/// Returns the shares filled at `price`: the planned first part, else all that is left; for a
/// notional order what its dollars buy, and of a sale never more than was held for it.
fn fill_size(order: &Order, price: Decimal) -> Decimal {
    if let Some(notional) = order.notional {
        let bought = (notional / price).trunc_with_scale(9);
        return if order.side == super::Side::Sell { bought.min(order.expected_qty) } else { bought };
    }
    let first = order.first_part.filter(|_| order.filled_qty.is_zero());
    first.unwrap_or_else(|| order.remaining()).min(order.remaining())
}
