//! Orders: what users asked for, and how far the broker has come with it.
//!
//! A row is made before anything is sent. What the broker says reaches it through [`apply`] alone,
//! whoever heard it: answers, events and polls may repeat and overtake each other. Every change
//! appends an `order:update` event for the owner; callers send the hint after the commit.

mod adoption;
mod announce;
mod apply;
mod corrections;
mod insert;
mod legs;
mod read;
mod seen;
mod transitions;

use chrono::{DateTime, Utc};
use domain::order::{
    Amount, OrderClass, OrderRequest, OrderStatus, OrderType, Side, StopLoss, TimeInForce, Trail,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use adoption::{position_was_corrected, take_amount};
pub use apply::{Applied, apply, overrule};
pub use corrections::{Undecided, end_unsent, undecided};
pub use insert::{NewOrder, insert};
pub use read::{
    Filter, by_broker_id, by_client_id, by_id, find, legs, list, of_decision, open, open_of_symbol, recent,
    replacement_of, similar_since,
};
pub use seen::{Execution, Seen, seen};
pub use transitions::{
    CancelRequest, Sending, begin_sending, cancel_unsent, disown, end_before_sending, halt, lock, mark_ended,
    reject_sent, request_cancel,
};

/// Where an order comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A user asked for it.
    User,
    /// A position is to be closed.
    Close,
    /// Everything is to be closed.
    Liquidation,
    /// A strategy's cycle.
    Cycle,
    /// The broker made it: a leg.
    Broker,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 5] = [Self::User, Self::Close, Self::Liquidation, Self::Cycle, Self::Broker];

    /// Returns the word, the same as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Close => "close",
            Self::Liquidation => "liquidation",
            Self::Cycle => "cycle",
            Self::Broker => "broker",
        }
    }

    /// Returns whether such an order is made to end a position, of what is held at that moment.
    pub const fn closes(self) -> bool {
        matches!(self, Self::Close | Self::Liquidation)
    }
}

impl std::str::FromStr for Origin {
    type Err = domain::order::UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|origin| origin.as_str() == word);
        found.ok_or_else(|| domain::order::UnknownWord::new("origin", word))
    }
}

/// An order. Prices are a share's, in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Its id; the broker's client order id is derived from it.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The id that it is sent with, at every attempt.
    pub client_order_id: String,
    /// Whose broker has it.
    pub broker: String,
    /// The broker's id, once it is known.
    pub broker_order_id: Option<String>,
    /// The entry that this leg came with.
    pub parent_order_id: Option<Uuid>,
    /// The order that this one is to take the place of.
    pub replaces_order_id: Option<Uuid>,
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
    /// Shares; `None` when money was asked for.
    pub qty: Option<Decimal>,
    /// Money; `None` when shares were asked for.
    pub notional: Option<Decimal>,
    /// The worst price it may fill at.
    pub limit_price: Option<Decimal>,
    /// The price that triggers it.
    pub stop_price: Option<Decimal>,
    /// The money that a trailing stop follows at.
    pub trail_price: Option<Decimal>,
    /// The percent that a trailing stop follows at.
    pub trail_percent: Option<Decimal>,
    /// The profit leg's limit.
    pub take_profit_limit_price: Option<Decimal>,
    /// The loss leg's trigger.
    pub stop_loss_stop_price: Option<Decimal>,
    /// The loss leg's limit.
    pub stop_loss_limit_price: Option<Decimal>,
    /// Whether it works outside the regular session.
    pub extended_hours: bool,
    /// Where it stands.
    pub status: OrderStatus,
    /// Shares filled so far.
    pub filled_qty: Decimal,
    /// What they cost on average.
    pub filled_avg_price: Option<Decimal>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it only takes a position away.
    pub reduces: bool,
    /// The strategy that asked for it.
    pub strategy_id: Option<Uuid>,
    /// The decision behind it.
    pub decision_id: Option<Uuid>,
    /// The trace of the request.
    pub trace_id: Option<String>,
    /// The job that sends it.
    pub job_id: Option<Uuid>,
    /// The rule or code by which it was refused, halted or ended here.
    pub reject_code: Option<String>,
    /// The same in words.
    pub reject_message: Option<String>,
    /// When its cancellation was asked for.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Why.
    pub cancel_reason: Option<String>,
    /// When an attempt last began to send it.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// When the broker took it, by the broker's clock.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When it was wholly filled.
    pub filled_at: Option<DateTime<Utc>>,
    /// When its time was over.
    pub expired_at: Option<DateTime<Utc>>,
    /// When it was canceled.
    pub canceled_at: Option<DateTime<Utc>>,
    /// When it was refused.
    pub failed_at: Option<DateTime<Utc>>,
    /// When the broker last changed it, by its clock.
    pub broker_updated_at: Option<DateTime<Utc>>,
    /// What the broker last said about it.
    pub raw: Option<Value>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}

impl Order {
    /// Returns what was asked for, as it is sent.
    pub fn request(&self) -> OrderRequest {
        let amount = match (self.qty, self.notional) {
            (Some(qty), _) => Amount::Units(qty),
            (None, money) => Amount::Notional(money.unwrap_or_default()),
        };
        let trail = self.trail_price.map(Trail::Price).or(self.trail_percent.map(Trail::Percent));
        OrderRequest {
            symbol: self.symbol.clone(),
            side: self.side,
            amount,
            order_type: self.order_type,
            time_in_force: self.time_in_force,
            limit_price: self.limit_price,
            stop_price: self.stop_price,
            trail,
            extended_hours: self.extended_hours,
            class: self.class,
            take_profit: self.take_profit_limit_price,
            stop_loss: self
                .stop_loss_stop_price
                .map(|stop_price| StopLoss { stop_price, limit_price: self.stop_loss_limit_price }),
        }
    }

    /// Returns the shares that are still to be filled; `None` when money was asked for.
    pub fn remaining(&self) -> Option<Decimal> {
        self.qty.map(|qty| (qty - self.filled_qty).max(Decimal::ZERO))
    }
}
