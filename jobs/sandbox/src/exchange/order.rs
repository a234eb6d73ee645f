//! An order: its terms, its place in a group, and its life so far.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(super) use super::terms::{Class, Intent, OrderType, Role, Side, Status, TimeInForce};

/// The exchange's id of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub Uuid);

/// One order as the exchange keeps it. Prices in dollars a share, times simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of the wire's order")]
pub struct Order {
    /// The position in the order of acceptance, from 0.
    pub number: usize,
    /// The exchange's id.
    pub id: OrderId,
    /// The client's id, unique for the account for ever.
    pub client_order_id: String,
    /// Whether it was accepted from a POST of a client, not made by a rule or another call.
    pub posted: bool,
    /// The ticker.
    pub symbol: String,
    /// The asset's id.
    pub asset_id: Uuid,
    /// Buy or sell.
    pub side: Side,
    /// When it becomes marketable.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Alone or in a group.
    pub class: Class,
    /// What it does in its group.
    pub role: Role,
    /// The first order of its group, for a leg.
    pub parent: Option<OrderId>,
    /// The legs, for the first order of a group.
    pub legs: Vec<OrderId>,
    /// Shares, unless notional.
    pub qty: Option<Decimal>,
    /// Dollars, instead of shares.
    pub notional: Option<Decimal>,
    /// The shares a notional order was expected to come to when accepted.
    pub expected_qty: Decimal,
    /// The worst price accepted.
    pub limit_price: Option<Decimal>,
    /// The trade price that triggers it.
    pub stop_price: Option<Decimal>,
    /// Distance of a trailing stop in dollars.
    pub trail_price: Option<Decimal>,
    /// Distance of a trailing stop in percent (1 = 1 %).
    pub trail_percent: Option<Decimal>,
    /// The best trade price seen by a trailing stop: highest for a sell, lowest for a buy.
    pub hwm: Option<Decimal>,
    /// Whether it may fill outside the regular session.
    pub extended_hours: bool,
    /// Whether it opens or closes a position, long or short.
    pub intent: Intent,
    /// Where it is in its life.
    pub status: Status,
    /// Whether its stop has been reached.
    pub triggered: bool,
    /// Shares filled so far.
    pub filled_qty: Decimal,
    /// Dollars of the fills so far, never negative.
    pub filled_value: Decimal,
    /// Dollars of buying power held back for each share not yet filled; 0 when closing.
    pub unit_cost: Decimal,
    /// Whether its shares count as held: of two exits of which only one can fill, one counts.
    pub holds: bool,
    /// Shares of the first fill when chance wants it to be partial.
    pub first_part: Option<Decimal>,
    /// When it may fill first.
    pub eligible_at: DateTime<Utc>,
    /// The auction it takes part in, for `opg` and `cls`.
    pub auction_at: Option<DateTime<Utc>>,
    /// When it was accepted; distinct for every order.
    pub submitted_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it ends unfilled.
    pub expires_at: DateTime<Utc>,
    /// When its last share was filled.
    pub filled_at: Option<DateTime<Utc>>,
    /// When it expired.
    pub expired_at: Option<DateTime<Utc>>,
    /// When it was canceled.
    pub canceled_at: Option<DateTime<Utc>>,
    /// When it was replaced.
    pub replaced_at: Option<DateTime<Utc>>,
    /// The order that took its place.
    pub replaced_by: Option<OrderId>,
    /// The order whose place it took.
    pub replaces: Option<OrderId>,
}

impl Order {
    /// Whether it can still change.
    pub fn is_open(&self) -> bool {
        self.status.is_open()
    }

    /// Returns the shares not yet filled (expected ones for a notional order); 0 when ended.
    pub fn remaining(&self) -> Decimal {
        if self.is_open() { self.qty.unwrap_or(self.expected_qty) - self.filled_qty } else { Decimal::ZERO }
    }

    /// Returns the buying power held back for it, in dollars.
    pub fn reserved(&self) -> Decimal {
        // A waiting leg only closes what its entry opens.
        self.remaining() * self.unit_cost
    }

    /// Returns the shares of a position it keeps from other closing orders.
    pub fn held_qty(&self) -> Decimal {
        if self.holds && self.status != Status::Held { self.remaining() } else { Decimal::ZERO }
    }

    /// Returns the average price of its fills, rounded to nine places.
    pub fn filled_avg_price(&self) -> Option<Decimal> {
        (self.filled_qty > Decimal::ZERO).then(|| (self.filled_value / self.filled_qty).round_dp(9))
    }
}
