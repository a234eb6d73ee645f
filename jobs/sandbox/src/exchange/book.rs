//! The whole state of the exchange and how a change moves it.
//!
//! Only [`Book::apply`] changes anything. Sums that every placement needs (held shares,
//! reserved buying power, open orders by side) are kept along, so that ten thousand open
//! orders cost a placement nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::change::{Change, DayEnd, Fill};
use super::order::{Order, OrderId, Side};
use super::position::Position;

/// How often placements were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Posts {
    /// Requests by the client id they carried, refused ones too.
    pub by_client_id: HashMap<String, u64>,
    /// All requests.
    pub total: u64,
    /// Requests refused because their client id had been used.
    pub duplicates: u64,
}

/// Orders, positions, cash and everything else the account consists of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    /// The number of resets so far.
    pub generation: u32,
    /// When the account was made, if anything happened yet.
    pub created_at: Option<DateTime<Utc>>,
    /// Dollars, negative when borrowed.
    pub cash: Decimal,
    /// Dollars it started with.
    pub starting_cash: Decimal,
    /// Every order in the order of acceptance.
    pub orders: Vec<Order>,
    /// Every execution, oldest first.
    pub fills: Vec<Fill>,
    /// What is held, by symbol.
    pub positions: BTreeMap<String, Position>,
    /// The account's configuration where it differs from the default.
    pub configured: Map<String, Value>,
    /// The last session's end.
    pub day_end: Option<DayEnd>,
    /// The placement requests.
    pub posts: Posts,
    open: BTreeSet<usize>,
    open_by_side: HashMap<(String, Side), BTreeSet<usize>>,
    held: HashMap<(String, Side), Decimal>,
    reserved: Decimal,
    by_id: HashMap<OrderId, usize>,
    by_client_id: HashMap<String, usize>,
}

impl Book {
    /// Returns an empty book with `cash` dollars.
    pub fn new(cash: Decimal) -> Self {
        Self { cash, starting_cash: cash, ..Self::default() }
    }

    /// Moves the state by one fact.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Posted { client_order_id, duplicate } => {
                self.posts.total += 1;
                self.posts.duplicates += u64::from(*duplicate);
                if let Some(id) = client_order_id {
                    *self.posts.by_client_id.entry(id.clone()).or_default() += 1;
                }
            }
            Change::Put(order) => self.put(order),
            Change::Filled(fill) => self.fill(fill),
            Change::Configured(map) => self.configured.clone_from(map),
            Change::DayEnded(end) => self.day_end = Some(*end),
            Change::Reset { generation, cash, at } => {
                *self = Self { generation: *generation, created_at: Some(*at), ..Self::new(*cash) };
            }
        }
    }

    /// Returns the order with `id`.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.by_id.get(&id).map(|&number| &self.orders[number])
    }

    /// Returns the order with the client's id.
    pub fn order_by_client_id(&self, id: &str) -> Option<&Order> {
        self.by_client_id.get(id).map(|&number| &self.orders[number])
    }

    /// Returns the numbers of the open orders, oldest first.
    pub fn open_numbers(&self) -> Vec<usize> {
        self.open.iter().copied().collect()
    }

    /// Whether no order is open.
    pub fn is_quiet(&self) -> bool {
        self.open.is_empty()
    }

    /// Returns the open orders of one symbol and side, oldest first.
    pub fn open_orders(&self, symbol: &str, side: Side) -> impl Iterator<Item = &Order> {
        self.open_by_side
            .get(&(symbol.to_owned(), side))
            .into_iter()
            .flatten()
            .map(|&number| &self.orders[number])
    }

    /// Returns the shares of `symbol` that open orders of `side` hold.
    pub fn held(&self, symbol: &str, side: Side) -> Decimal {
        self.held.get(&(symbol.to_owned(), side)).copied().unwrap_or_default()
    }

    /// Returns the buying power open orders hold, in dollars.
    pub fn reserved(&self) -> Decimal {
        self.reserved
    }

    /// Returns the signed shares of `symbol` held.
    pub fn position_qty(&self, symbol: &str) -> Decimal {
        self.positions.get(symbol).map(|position| position.qty).unwrap_or_default()
    }

    fn put(&mut self, order: &Order) {
        let number = order.number;
        if let Some(old) = self.orders.get(number).cloned() {
            self.count(&old, false);
            self.orders[number] = order.clone();
        } else {
            self.by_id.insert(order.id, number);
            self.by_client_id.insert(order.client_order_id.clone(), number);
            self.created_at.get_or_insert(order.submitted_at);
            self.orders.push(order.clone());
        }
        self.count(order, true);
    }

    fn count(&mut self, order: &Order, enters: bool) {
        if !order.is_open() {
            return;
        }
        let key = (order.symbol.clone(), order.side);
        let (reserved, held) = (order.reserved(), order.held_qty());
        if enters {
            self.reserved += reserved;
            self.open.insert(order.number);
            *self.held.entry(key.clone()).or_default() += held;
            self.open_by_side.entry(key).or_default().insert(order.number);
        } else {
            self.reserved -= reserved;
            self.open.remove(&order.number);
            *self.held.entry(key.clone()).or_default() -= held;
            if let Some(numbers) = self.open_by_side.get_mut(&key) {
                numbers.remove(&order.number);
            }
        }
    }

    fn fill(&mut self, fill: &Fill) {
        self.cash -= fill.side.signed(fill.qty) * fill.price;
        let held = self.positions.get(&fill.symbol);
        match Position::after(held, fill.side, fill.qty, fill.price, fill.date) {
            Some(position) => {
                self.positions.insert(fill.symbol.clone(), position);
            }
            None => {
                self.positions.remove(&fill.symbol);
            }
        }
        self.fills.push(fill.clone());
    }
}
