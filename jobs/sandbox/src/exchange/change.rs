//! What happened, as facts: everything the state consists of is a sum of these.
//!
//! The journal keeps them; a restart adds them up again. A change carries its outcome, never a
//! question: replaying asks neither the clock nor a price.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::order::{Order, OrderId};
use super::terms::Side;

/// One execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// The execution's id.
    pub id: Uuid,
    /// The order filled.
    pub order_id: OrderId,
    /// The ticker.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// Shares of this execution.
    pub qty: Decimal,
    /// Dollars a share.
    pub price: Decimal,
    /// Shares of the order filled so far, this execution included.
    pub cum_qty: Decimal,
    /// Shares of the order still open.
    pub leaves_qty: Decimal,
    /// When.
    pub at: DateTime<Utc>,
    /// The New York date of `at`.
    pub date: NaiveDate,
    /// Whether it closed shares opened on the same date, for the first time in this order.
    pub day_trade: bool,
}

/// The account at the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayEnd {
    /// The close.
    pub at: DateTime<Utc>,
    /// Dollars.
    pub equity: Decimal,
    /// Dollars.
    pub maintenance_margin: Decimal,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A placement request arrived.
    Posted {
        /// The client id it carried, if any.
        client_order_id: Option<String>,
        /// Whether it was refused because the id had been used.
        duplicate: bool,
    },
    /// An order is now as given; a new one when its number is new.
    Put(Box<Order>),
    /// An execution moved cash and a position.
    Filled(Box<Fill>),
    /// The account's configuration is now as given.
    Configured(Map<String, Value>),
    /// A session ended.
    DayEnded(DayEnd),
    /// Everything was forgotten.
    Reset {
        /// The number of resets, this one included.
        generation: u32,
        /// Dollars the account starts with.
        cash: Decimal,
        /// When.
        at: DateTime<Utc>,
    },
}
