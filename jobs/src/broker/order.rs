//! Orders as the broker has them, and what can be asked about them.

use chrono::{DateTime, Utc};
use domain::order::{OrderClass, OrderRequest, OrderStatus, OrderType, Side, TimeInForce, Trail};
use rust_decimal::Decimal;
use serde_json::Value;

/// An order to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceOrder {
    /// Our id of the order, the same at every attempt.
    pub client_order_id: String,
    /// What is wanted.
    pub request: OrderRequest,
}

/// An order as the broker has it. Prices are a share's, in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerOrder {
    /// The broker's id.
    pub id: String,
    /// The id that it was sent with.
    pub client_order_id: String,
    /// Where it stands; always a broker's word.
    pub status: OrderStatus,
    /// What is traded.
    pub symbol: String,
    /// Which way.
    pub side: Side,
    /// What triggers it.
    pub order_type: OrderType,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// Whether it brings others with it.
    pub class: OrderClass,
    /// The shares asked for; `None` when money was.
    pub qty: Option<Decimal>,
    /// The money asked for; `None` when shares were.
    pub notional: Option<Decimal>,
    /// The shares filled so far; zero or more.
    pub filled_qty: Decimal,
    /// What they cost on average.
    pub filled_avg_price: Option<Decimal>,
    /// The worst price it may fill at.
    pub limit_price: Option<Decimal>,
    /// The price that triggers it.
    pub stop_price: Option<Decimal>,
    /// How closely it follows the market.
    pub trail: Option<Trail>,
    /// Whether it works outside the regular session.
    pub extended_hours: bool,
    /// The order that it replaced.
    pub replaces: Option<String>,
    /// The order that replaced it.
    pub replaced_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was sent on.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When it was wholly filled.
    pub filled_at: Option<DateTime<Utc>>,
    /// The orders that it brought with it, when they were asked for.
    pub legs: Vec<BrokerOrder>,
    /// All that the broker said.
    pub raw: Value,
}

impl BrokerOrder {
    /// Returns the time that orders are listed by.
    pub fn submitted(&self) -> DateTime<Utc> {
        self.submitted_at.unwrap_or(self.created_at)
    }
}

/// Which orders are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderScope {
    /// Those that may still do something.
    #[default]
    Open,
    /// Those that won't.
    Closed,
    /// Both.
    All,
}

/// In which order they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The last submitted first.
    #[default]
    NewestFirst,
    /// The first submitted first.
    OldestFirst,
}

/// A page of orders to be listed.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderQuery {
    /// Which.
    pub scope: OrderScope,
    /// Submitted after this; it is not included.
    pub after: Option<DateTime<Utc>>,
    /// Submitted before this; it is not included.
    pub until: Option<DateTime<Utc>>,
    /// In which order.
    pub direction: Direction,
    /// How many at most, from 1 to 500.
    pub limit: u16,
    /// Whether legs come inside their entries instead of beside them.
    pub nested: bool,
    /// Of these symbols; of all when empty.
    pub symbols: Vec<String>,
}

impl Default for OrderQuery {
    fn default() -> Self {
        Self {
            scope: OrderScope::default(),
            after: None,
            until: None,
            direction: Direction::default(),
            limit: 50,
            nested: false,
            symbols: Vec::new(),
        }
    }
}

/// What becomes of a request to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The broker will try, or is trying already.
    Requested,
    /// It was over already; how, in the broker's words.
    AlreadyOver(String),
    /// The broker knows no such order.
    NotFound,
}

/// What became of one of many requests to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelledOrder {
    /// The broker's id of the order.
    pub id: String,
    /// The status that cancelling it alone would have had; 200 to 299 means that it is asked for.
    pub status: u16,
}

/// What to change about an order; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplaceOrder {
    /// The client order id of the new order.
    pub client_order_id: Option<String>,
    /// Shares.
    pub qty: Option<Decimal>,
    /// How long it works.
    pub time_in_force: Option<TimeInForce>,
    /// The worst price it may fill at.
    pub limit_price: Option<Decimal>,
    /// The price that triggers it.
    pub stop_price: Option<Decimal>,
    /// The distance that it follows at: money or percent, as it was.
    pub trail: Option<Decimal>,
}
