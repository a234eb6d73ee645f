//! What protects the rest of a position of which a part is sold.
//!
//! The broker lets no share be sold that an open order holds, and the size of a leg can't be changed.
//! So the orders that protect the position are canceled, one order at their prices is placed for the
//! rest, and the part is sold once the broker has that one. In between nothing rests: for as long as
//! the broker needs to cancel and to take an order, and while no worker runs. Whatever ends the close
//! before the rest is protected again tells the owner so.

use domain::order::{Amount, OrderClass, OrderRequest, OrderStatus, OrderType, Side, StopLoss, TimeInForce};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use tracing::warn;
use uuid::Uuid;

use super::ClosePosition;
use crate::{
    db::{
        events,
        orders::{self, Order, Origin},
        positions::{self, Position},
    },
    queue::JobError,
    trading::{self, PlaceRefused, PlaceRequest},
};

/// Where the rest of a long position is left by the broker: below, above, or both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Protection {
    /// The id of the order, the same in every attempt.
    pub order_id: Uuid,
    /// The limit of its profit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Decimal>,
    /// The price that triggers its stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Decimal>,
    /// The worst price of its stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_limit: Option<Decimal>,
    /// How long it works.
    pub time_in_force: TimeInForce,
}

/// What rests in the symbol of a long position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resting {
    /// Nothing.
    Nothing,
    /// One stop, one target, or both: legs of an entry, or an earlier [`Protection`].
    Protection(Protection),
    /// Something else: a purchase, an order of its user's own, several groups, one that is being
    /// filled, canceled, or sent.
    Other,
}

/// Returns whether the order belongs to a position rather than to a wish for one: a leg of its entry,
/// or what a close put in the legs' place.
pub(crate) fn protects(order: &Order) -> bool {
    order.parent_order_id.is_some() || order.origin == Origin::Close && order.order_type != OrderType::Market
}

impl Resting {
    /// Returns what the `open` orders of the symbol are.
    pub(crate) fn of(open: &[Order]) -> Self {
        let Some(first) = open.first() else { return Self::Nothing };
        let ours = |order: &Order| {
            order.side == Side::Sell
                && protects(order)
                && order.status.is_brokers()
                && order.cancel_requested_at.is_none()
                && order.filled_qty.is_zero()
        };
        if !open.iter().all(ours) {
            return Self::Other;
        }
        let targets: Vec<_> = open.iter().filter(|order| order.order_type == OrderType::Limit).collect();
        let stops: Vec<_> = open
            .iter()
            .filter(|order| matches!(order.order_type, OrderType::Stop | OrderType::StopLimit))
            .collect();
        if targets.len() > 1 || stops.len() > 1 || targets.len() + stops.len() < open.len() {
            return Self::Other;
        }
        Self::Protection(Protection {
            order_id: Uuid::now_v7(),
            target: targets.first().and_then(|order| order.limit_price),
            stop: stops.first().and_then(|order| order.stop_price),
            stop_limit: stops.first().and_then(|order| order.limit_price),
            time_in_force: first.time_in_force,
        })
    }
}

impl Protection {
    /// Returns whether a share at `price` lies within, so that no order for it fills at once.
    pub(crate) fn is_around(&self, price: Decimal) -> bool {
        self.stop.is_none_or(|stop| stop < price) && self.target.is_none_or(|target| target > price)
    }

    /// Returns the order that leaves `shares` at these prices.
    fn request(&self, symbol: &str, shares: Decimal) -> OrderRequest {
        let plain = OrderRequest {
            time_in_force: self.time_in_force,
            ..OrderRequest::market(symbol, Side::Sell, Amount::Units(shares))
        };
        match (self.target, self.stop) {
            (Some(target), Some(stop_price)) => OrderRequest {
                class: OrderClass::Oco,
                order_type: OrderType::Limit,
                limit_price: Some(target),
                take_profit: Some(target),
                stop_loss: Some(StopLoss { stop_price, limit_price: self.stop_limit }),
                ..plain
            },
            (Some(target), None) => {
                OrderRequest { order_type: OrderType::Limit, limit_price: Some(target), ..plain }
            }
            (None, stop_price) => OrderRequest {
                order_type: if self.stop_limit.is_some() { OrderType::StopLimit } else { OrderType::Stop },
                stop_price,
                limit_price: self.stop_limit,
                ..plain
            },
        }
    }

    /// Returns whether the order is this one, or came with it.
    pub(super) fn is(&self, order: &Order) -> bool {
        [Some(order.id), order.parent_order_id].contains(&Some(self.order_id))
    }
}

impl ClosePosition {
    /// Returns whether the part may be sold: nothing was to protect the rest, the broker has what
    /// does, or it can't be had and the owner was told. `false`: look again.
    pub(super) async fn rest_is_protected(
        &self,
        conn: &mut PgConnection,
        trace_id: Option<&str>,
        held: &Position,
    ) -> Result<bool, JobError> {
        let Some(protection) = &self.protection else { return Ok(true) };
        let rest = held.qty - self.portion.of(held.qty);
        match orders::by_id(conn, protection.order_id).await? {
            Some(order) if matches!(order.status, OrderStatus::Filled | OrderStatus::Replaced) => Ok(true),
            Some(order) if order.status.is_terminal() || order.status == OrderStatus::Halted => {
                let why = order.reject_message.or(order.cancel_reason);
                let why = why.unwrap_or_else(|| format!("the order is {}", order.status));
                self.tell_unprotected(conn, &why).await?;
                Ok(true)
            }
            Some(order) => Ok(order.status.is_brokers()),
            None if rest <= Decimal::ZERO => Ok(true),
            None => self.protect(conn, trace_id, protection, rest).await,
        }
    }

    async fn protect(
        &self,
        conn: &mut PgConnection,
        trace_id: Option<&str>,
        protection: &Protection,
        rest: Decimal,
    ) -> Result<bool, JobError> {
        let wish = PlaceRequest {
            user_id: self.user_id,
            request: protection.request(&self.symbol, rest),
            origin: self.origin,
            strategy_id: None,
            // Not the decision's: what it sells is the part.
            decision_id: None,
            trace_id: trace_id.map(Into::into),
            order_id: Some(protection.order_id),
        };
        let why = match trading::place(conn, None, wish).await {
            Ok(_) => return Ok(false),
            Err(PlaceRefused::Risk(refusal)) => {
                if let Some(wait) = self.repetition(&refusal) {
                    return Err(wait);
                }
                format!("{}: {}", refusal.rule, refusal.message)
            }
            Err(PlaceRefused::Invalid(error)) => error.to_string(),
            Err(PlaceRefused::Enqueue(error)) => return Err(JobError::retryable("ENQUEUE", error)),
            Err(PlaceRefused::Database(error)) => return Err(error.into()),
        };
        self.tell_unprotected(conn, &why).await?;
        Ok(true)
    }

    /// Returns the wait until an order is no repetition any more: the part and the rest may be of one
    /// size, and are meant to be two orders.
    pub(super) fn repetition(&self, refusal: &domain::risk::Refusal) -> Option<JobError> {
        let repeated = self.protection.is_some() && refusal.rule == domain::risk::Rule::Duplicate;
        repeated.then(|| JobError::Snooze(trading::until(refusal.until)))
    }

    /// Tells the owner if shares are left without an order that protects them, as the close would
    /// have it.
    pub(super) async fn tell_unprotected(&self, conn: &mut PgConnection, why: &str) -> sqlx::Result<()> {
        let Some(protection) = &self.protection else { return Ok(()) };
        let Some(held) = positions::of_symbol(conn, self.user_id, &self.symbol).await? else {
            return Ok(());
        };
        let open = orders::open_of_symbol(conn, self.user_id, &self.symbol).await?;
        // The orders of a group hold the same shares.
        let resting = open
            .iter()
            .filter(|order| order.side == Side::Sell && order.order_type != OrderType::Market)
            .filter(|order| order.status.is_brokers() && order.cancel_requested_at.is_none());
        let covered = resting.filter_map(Order::remaining).max().unwrap_or_default();
        let bare = held.qty - covered;
        if bare <= Decimal::ZERO {
            return Ok(());
        }
        let (symbol, bare, held) = (&self.symbol, bare.normalize(), held.qty.normalize());
        let message = format!("no order protects {bare} of {held} shares of {symbol} any more: {why}");
        warn!(user.id = %self.user_id, symbol, "{message}");
        let body = json!({
            "severity": "error",
            "title": "position unprotected",
            "message": message,
            "orderId": protection.order_id,
            "symbol": symbol,
        });
        events::append(conn, self.user_id, "alert:new", None, &body).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_protected_the_position_an_order_for_the_rest_can_be_sent() {
        let d = |text: &str| text.parse::<Decimal>().expect("a number of this test is valid");
        let cases = [
            (Some("120"), Some("95"), None, OrderClass::Oco, OrderType::Limit),
            (Some("120"), Some("95"), Some("94.5"), OrderClass::Oco, OrderType::Limit),
            (Some("120"), None, None, OrderClass::Simple, OrderType::Limit),
            (None, Some("95"), None, OrderClass::Simple, OrderType::Stop),
            (None, Some("95"), Some("94.5"), OrderClass::Simple, OrderType::StopLimit),
        ];
        for (target, stop, stop_limit, class, order_type) in cases {
            for time_in_force in [TimeInForce::Day, TimeInForce::Gtc] {
                let protection = Protection {
                    order_id: Uuid::nil(),
                    target: target.map(d),
                    stop: stop.map(d),
                    stop_limit: stop_limit.map(d),
                    time_in_force,
                };
                let request = protection.request("ACME", d("15"));
                assert_eq!((request.class, request.order_type), (class, order_type), "{protection:?}");
                request.validate().unwrap_or_else(|error| panic!("{protection:?}: {error}"));
                let around = [("94", stop.is_none()), ("100", true), ("120", target.is_none())];
                for (price, expected) in around {
                    assert_eq!(protection.is_around(d(price)), expected, "{price}: {protection:?}");
                }
            }
        }
    }
}
