//! The simulated exchange: one paper account, its orders, and how they fill.
//!
//! A synchronous state machine. Requests and ticks come in, refusals and order objects go out,
//! trade updates gather until they are taken. It reads no clock but the market's, does no IO
//! but its journal, and knows nothing of HTTP. Every request ends with its changes in the
//! journal, before its answer exists.

mod acceptance;
mod account;
mod activities;
mod admission;
mod book;
mod cancelling;
mod chance;
mod change;
mod checks;
mod closing;
mod configurations;
mod consistency;
mod evaluation;
mod fields;
mod filling;
mod groups;
mod history;
mod listing;
pub mod market;
mod matching;
mod order;
mod order_object;
mod position;
mod position_object;
mod refusal;
mod replacing;
mod request;
mod settings;
mod terms;
mod updates;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use self::account::Figures;
pub use self::activities::ActivityQuery;
pub use self::book::{Book, Posts};
pub use self::chance::Chance;
pub use self::change::{Change, DayEnd, Fill};
pub use self::closing::Portion;
pub use self::fields::positive;
pub use self::history::HistoryQuery;
pub use self::listing::{OrderQuery, StatusFilter};
pub use self::market::{Asset, Market, Quote, Session};
pub use self::order::{Order, OrderId};
pub use self::position::Position;
pub use self::refusal::Refusal;
pub use self::request::{Amount, NewOrder, StopLoss};
pub use self::settings::Settings;
pub use self::terms::{Class, Intent, OrderType, Role, Side, Status, TimeInForce};
pub use self::updates::TradeUpdate;
use crate::journal::Journal;

/// The exchange and its account.
#[derive(Debug)]
pub struct Exchange {
    settings: Settings,
    book: Book,
    journal: Option<Journal>,
    /// Applied, and not yet in the journal. Kept after a failed write, for the next one.
    unwritten: Vec<Change>,
    updates: Vec<TradeUpdate>,
    last_tick: Option<DateTime<Utc>>,
}

impl Exchange {
    /// Returns an exchange without a past or a journal.
    pub fn new(settings: Settings) -> Self {
        let book = Book::new(settings.starting_cash);
        Self { settings, book, journal: None, unwritten: Vec::new(), updates: Vec::new(), last_tick: None }
    }

    /// Returns the exchange that `past` (see [`Journal::open`]) leads to, writing to `journal`.
    pub fn restored(settings: Settings, journal: Journal, past: &[Change]) -> Self {
        let mut exchange = Self::new(settings);
        for change in past {
            exchange.book.apply(change);
        }
        exchange.last_tick = exchange.book.orders.last().map(|order| order.submitted_at);
        exchange.journal = Some(journal);
        exchange
    }

    /// Returns the state.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Returns the rules.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes the trade updates gathered since the last call, oldest first.
    pub fn take_updates(&mut self) -> Vec<TradeUpdate> {
        std::mem::take(&mut self.updates)
    }

    /// Returns the order object of `id`; `nested` puts its legs inside.
    pub fn order(&self, id: OrderId, nested: bool) -> Result<Value, Refusal> {
        let order =
            self.book.order(id).ok_or_else(|| Refusal::not_found(format!("order not found for {}", id.0)))?;
        Ok(self.object(order, nested))
    }

    /// Returns the order object of the client's `id`.
    pub fn order_by_client_id(&self, id: &str, nested: bool) -> Result<Value, Refusal> {
        let order = self
            .book
            .order_by_client_id(id)
            .ok_or_else(|| Refusal::not_found(format!("order not found for {id}")))?;
        Ok(self.object(order, nested))
    }

    /// Forgets every order, position and request, and starts again with the first cash.
    pub fn reset(&mut self, market: &dyn Market) -> Result<(), Refusal> {
        let reset = Change::Reset {
            generation: self.book.generation + 1,
            cash: self.settings.starting_cash,
            at: market.now(),
        };
        self.book.apply(&reset);
        self.updates.clear();
        self.last_tick = None;
        let changes = [reset];
        self.unwritten.clear();
        if let Some(Err(error)) = self.journal.as_mut().map(|journal| journal.restart(&changes)) {
            self.unwritten.extend(changes);
            return Err(unwritable(&error));
        }
        Ok(())
    }

    fn object(&self, order: &Order, nested: bool) -> Value {
        let legs: Vec<Value> = order
            .legs
            .iter()
            .filter(|_| nested)
            .filter_map(|&leg| self.book.order(leg))
            .map(|leg| order_object::order_object(leg, &Value::Null))
            .collect();
        let legs = if legs.is_empty() { Value::Null } else { legs.into() };
        order_object::order_object(order, &legs)
    }

    fn chance(&self) -> Chance {
        Chance { seed: self.settings.seed, generation: self.book.generation }
    }

    fn record(&mut self, change: Change) {
        self.book.apply(&change);
        self.unwritten.push(change);
    }

    fn put(&mut self, mut order: Order, at: DateTime<Utc>) {
        order.updated_at = at.max(order.submitted_at);
        self.record(Change::Put(Box::new(order)));
    }

    /// Writes what was recorded to the journal. A failure keeps it for the next try: the
    /// client hears of an internal error and finds the order when it looks.
    fn commit(&mut self) -> Result<(), Refusal> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        if let Some(journal) = &mut self.journal {
            journal.append(&self.unwritten).map_err(|error| unwritable(&error))?;
        }
        self.unwritten.clear();
        Ok(())
    }
}

fn unwritable(error: &std::io::Error) -> Refusal {
    tracing::error!(%error, "the sandbox cannot write its journal: {error}");
    Refusal::internal()
}

#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;
