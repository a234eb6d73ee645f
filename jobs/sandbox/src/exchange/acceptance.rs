//! Acceptance: an admitted request becomes an order, and its exits become legs.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::Exchange;
use super::admission::Admitted;
use super::market::{Market, Session};
use super::matching::trailing_stop;
use super::order::{Order, OrderId};
use super::request::{Amount, NewOrder};
use super::terms::{Class, Intent, OrderType, Role, Status, TimeInForce};

impl Exchange {
    /// Records an admitted order with its legs, announces them and returns its id.
    pub(super) fn accept(&mut self, market: &dyn Market, admitted: &Admitted, posted: bool) -> OrderId {
        let now = admitted.now;
        let mut order = self.first_order(market, admitted, posted);
        let (id, number) = (order.id, order.number);
        let legs = self.legs(&order, &admitted.request);
        order.legs = legs.iter().map(|leg| leg.id).collect();
        let at = order.submitted_at;
        self.put(order, at);
        for leg in legs {
            let at = leg.submitted_at;
            self.put(leg, at);
        }
        if self.book.orders[number].status == Status::Accepted {
            self.announce("accepted", number, now);
        }
        for leg in number + 1..self.book.orders.len() {
            if self.book.orders[leg].status == Status::Held {
                self.announce("held", leg, now);
            }
        }
        id
    }

    fn first_order(&self, market: &dyn Market, admitted: &Admitted, posted: bool) -> Order {
        let Admitted { request, asset, quote, now, .. } = admitted;
        let number = self.book.orders.len();
        let client = request.client_order_id.clone();
        let client = client.unwrap_or_else(|| self.made_client_id(number));
        let id = OrderId(self.chance().id("order", number as u64, &client));
        let (qty, notional) = match request.amount {
            Amount::Qty(qty) => (Some(qty), None),
            Amount::Notional(notional) => (None, Some(notional)),
        };
        let trails = request.order_type == OrderType::TrailingStop;
        let hwm = trails.then_some(quote.last);
        let trail =
            hwm.map(|hwm| trailing_stop(request.side, hwm, request.trail_price, request.trail_percent));
        let role = match request.class {
            Class::Simple => Role::Single,
            Class::Bracket | Class::Oto => Role::Entry,
            Class::Oco => Role::TakeProfit,
        };
        let submitted_at = self.stamp(*now, 0);
        let status = first_status(market, *now, request.extended_hours, request.time_in_force);
        Order {
            number,
            id,
            client_order_id: client,
            posted,
            symbol: asset.symbol.clone(),
            asset_id: asset.id,
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            class: request.class,
            role,
            parent: None,
            legs: Vec::new(),
            qty,
            notional,
            expected_qty: admitted.expected_qty,
            limit_price: request.limit_price,
            stop_price: request.stop_price.or(trail),
            trail_price: request.trail_price,
            trail_percent: request.trail_percent,
            hwm,
            extended_hours: request.extended_hours,
            intent: admitted.intent,
            status,
            triggered: false,
            filled_qty: Decimal::ZERO,
            filled_value: Decimal::ZERO,
            unit_cost: admitted.unit_cost,
            holds: true,
            first_part: self.first_part(number, request, role),
            eligible_at: *now + self.settings.fill_delay,
            auction_at: auction(market, *now, request.time_in_force),
            submitted_at,
            updated_at: submitted_at,
            expires_at: expiry(market, *now, request.time_in_force, request.extended_hours),
            filled_at: None,
            expired_at: None,
            canceled_at: None,
            replaced_at: None,
            replaced_by: None,
            replaces: None,
        }
    }

    fn legs(&self, first: &Order, request: &NewOrder) -> Vec<Order> {
        let oco = request.class == Class::Oco;
        let gain = request.take_profit.filter(|_| !oco);
        let (side, intent, status) = if oco {
            (first.side, first.intent, first.status)
        } else {
            let side = first.side.opposite();
            (side, Intent::of(side, false), Status::Held)
        };
        let leg = |offset: usize, role: Role| {
            let number = first.number + offset;
            let client_order_id = self.made_client_id(number);
            let submitted_at =
                first.submitted_at + TimeDelta::microseconds(i64::try_from(offset).unwrap_or(1));
            Order {
                number,
                id: OrderId(self.chance().id("order", number as u64, &client_order_id)),
                client_order_id,
                posted: false,
                side,
                intent,
                role,
                status,
                parent: Some(first.id),
                unit_cost: Decimal::ZERO,
                first_part: None,
                submitted_at,
                updated_at: submitted_at,
                ..first.clone()
            }
        };
        let mut legs = Vec::new();
        if let Some(limit) = gain {
            legs.push(Order {
                order_type: OrderType::Limit,
                limit_price: Some(limit),
                stop_price: None,
                ..leg(1, Role::TakeProfit)
            });
        }
        if let Some(loss) = request.stop_loss {
            let order_type = if loss.limit_price.is_some() { OrderType::StopLimit } else { OrderType::Stop };
            legs.push(Order {
                order_type,
                limit_price: loss.limit_price,
                stop_price: Some(loss.stop_price),
                // Only one of two exits can fill: the take profit counts for both.
                holds: gain.is_none() && !oco,
                ..leg(legs.len() + 1, Role::StopLoss)
            });
        }
        legs
    }

    /// Returns a client id of the exchange's own making for order `number`.
    pub(super) fn made_client_id(&self, number: usize) -> String {
        self.chance().id("client order id", number as u64, "").to_string()
    }

    /// Returns a submission time after every earlier one, so that lists have one order and
    /// paging by time misses none.
    pub(super) fn stamp(&self, now: DateTime<Utc>, offset: i64) -> DateTime<Utc> {
        let last = self.book.orders.iter().next_back().map(|order| order.submitted_at);
        let next = last.map_or(now, |last| now.max(last + TimeDelta::microseconds(1)));
        next + TimeDelta::microseconds(offset)
    }

    /// Returns the shares of a partial first fill, when chance wants one. Groups are spared, as
    /// their exits cancel each other, except for their entry.
    pub(super) fn first_part(&self, number: usize, request: &NewOrder, role: Role) -> Option<Decimal> {
        let Amount::Qty(qty) = request.amount else { return None };
        let whole = qty.floor().to_u64().filter(|&whole| whole >= 2)?;
        let may = matches!(role, Role::Single | Role::Entry)
            && !request.time_in_force.is_auction()
            && request.time_in_force != TimeInForce::Fok;
        let chance = self.chance();
        let wants = chance.fraction("partial fill", number as u64) < self.settings.partial_fill_probability;
        if !(may && wants) {
            return None;
        }
        let share = Decimal::try_from(chance.fraction("first part", number as u64)).ok()?;
        Some((Decimal::from(whole - 1) * share).floor() + Decimal::ONE)
    }
}

/// Returns the status a new order gets: worked next when its session runs, else waiting for it.
pub(super) fn first_status(
    market: &dyn Market,
    now: DateTime<Utc>,
    extended_hours: bool,
    time_in_force: TimeInForce,
) -> Status {
    let runs = match market.session(now) {
        Session::Regular => true,
        Session::Extended => extended_hours,
        Session::Closed => false,
    };
    if runs && time_in_force != TimeInForce::Opg { Status::PendingNew } else { Status::Accepted }
}

/// Returns when an order ends: a day order with its session, or four hours later with extended
/// hours; another after ninety days.
pub(super) fn expiry(
    market: &dyn Market,
    now: DateTime<Utc>,
    time_in_force: TimeInForce,
    extended_hours: bool,
) -> DateTime<Utc> {
    let after_hours = TimeDelta::hours(4);
    match (time_in_force, extended_hours) {
        (TimeInForce::Gtc, _) => market.next_close(now + TimeDelta::days(90)),
        (TimeInForce::Opg, _) => market.next_close(market.next_open(now)),
        (_, true) => market.next_close(now - after_hours) + after_hours,
        (_, false) => market.next_close(now),
    }
}

/// Returns the auction an order takes part in.
pub(super) fn auction(
    market: &dyn Market,
    now: DateTime<Utc>,
    time_in_force: TimeInForce,
) -> Option<DateTime<Utc>> {
    match time_in_force {
        TimeInForce::Opg => Some(market.next_open(now)),
        TimeInForce::Cls => Some(market.next_close(now)),
        _ => None,
    }
}
