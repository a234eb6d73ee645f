//! Replacement: a new order takes the place of an open one.

use rust_decimal::Decimal;
use serde_json::Value;

use super::Exchange;
use super::acceptance::expiry;
use super::checks::{self, Bounds};
use super::consistency::check_tick;
use super::fields::Fields;
use super::market::Market;
use super::matching::trailing_stop;
use super::order::{Order, OrderId};
use super::refusal::Refusal;

use super::terms::{Class, OrderType, Status, TimeInForce};

impl Exchange {
    /// Takes the body of `PATCH /v2/orders/{id}` and returns the object of the new order.
    ///
    /// `qty` is the total wanted, what is filled already included; the new order is for the
    /// rest and starts with no fills of its own.
    pub fn replace(&mut self, market: &dyn Market, id: OrderId, body: &Value) -> Result<Value, Refusal> {
        let old = self.changeable(id)?.clone();
        if matches!(old.status, Status::Accepted | Status::PendingNew) {
            return Err(Refusal::rule("unable to replace order, order isn't sent to exchange yet"));
        }
        if old.notional.is_some() {
            return Err(Refusal::rule("notional orders cannot be replaced"));
        }
        let mut new = self.successor(market, &old, Fields::of(body)?)?;
        new.unit_cost = self.check_successor(market, &old, &new)?;
        let (number, at) = (new.number, market.now());
        let new_id = new.id;
        self.relink(&old, &new, at);
        let old_number = old.number;
        let ended = Order {
            status: Status::Replaced,
            replaced_at: Some(at),
            replaced_by: Some(new_id),
            legs: Vec::new(),
            ..old
        };
        self.put(ended, at);
        self.put(new, at);
        self.announce("replaced", old_number, at);
        if self.book.orders[number].status == Status::Held {
            self.announce("held", number, at);
        }
        self.commit()?;
        self.order(new_id, true)
    }

    fn successor(&self, market: &dyn Market, old: &Order, fields: Fields<'_>) -> Result<Order, Refusal> {
        let number = self.book.orders.len();
        let client_order_id = match fields.text("client_order_id")? {
            Some(id) if self.book.order_by_client_id(id).is_some() => return Err(Refusal::duplicate()),
            Some(id) if id.chars().count() > 128 => {
                return Err(Refusal::field("client_order_id must be no more than 128 characters"));
            }
            Some(id) => id.to_owned(),
            None => self.made_client_id(number),
        };
        let now = market.now();
        let total = fields.amount("qty")?.or(old.qty).unwrap_or_default();
        if total != old.qty.unwrap_or_default() && old.class != Class::Simple {
            return Err(Refusal::rule("qty of a complex order cannot be replaced"));
        }
        if !total.fract().is_zero() && old.qty.is_some_and(|qty| qty.fract().is_zero()) {
            return Err(Refusal::field("qty must be an integer"));
        }
        let qty = total - old.filled_qty;
        if qty <= Decimal::ZERO {
            return Err(Refusal::rule("qty must be greater than filled_qty"));
        }
        let time_in_force: TimeInForce = fields.word("time_in_force")?.unwrap_or(old.time_in_force);
        if time_in_force.is_auction() != old.time_in_force.is_auction()
            || (old.order_type.is_stop() && time_in_force.is_immediate())
        {
            return Err(Refusal::rule("time_in_force cannot be replaced by this one"));
        }
        let mut new = Order {
            number,
            id: OrderId(self.chance().id("order", number as u64, &client_order_id)),
            client_order_id,
            posted: false,
            qty: Some(qty),
            expected_qty: qty,
            time_in_force,
            limit_price: priced(fields, "limit_price", old.order_type.is_limit(), old.limit_price)?,
            stop_price: priced(
                fields,
                "stop_price",
                matches!(old.order_type, OrderType::Stop | OrderType::StopLimit),
                old.stop_price,
            )?,
            status: if old.status == Status::Held { Status::Held } else { Status::PendingNew },
            filled_qty: Decimal::ZERO,
            filled_value: Decimal::ZERO,
            first_part: None,
            eligible_at: now + self.settings.fill_delay,
            submitted_at: self.stamp(now, 0),
            replaces: Some(old.id),
            ..old.clone()
        };
        if time_in_force != old.time_in_force {
            new.expires_at = expiry(market, now, time_in_force, old.extended_hours);
        }
        if let Some(trail) = fields.amount("trail")? {
            if new.trail_percent.is_some() {
                new.trail_percent = Some(trail);
            } else if new.trail_price.is_some() {
                new.trail_price = Some(trail);
            } else {
                return Err(Refusal::field("only trailing stop orders have a trail"));
            }
            new.stop_price =
                new.hwm.map(|hwm| trailing_stop(new.side, hwm, new.trail_price, new.trail_percent));
        }
        Ok(new)
    }

    /// Checks the new order against the account and returns what each share of it reserves.
    fn check_successor(&self, market: &dyn Market, old: &Order, new: &Order) -> Result<Decimal, Refusal> {
        let now = market.now();
        let quote = market
            .quote(&new.symbol, now)
            .ok_or_else(|| Refusal::rule(format!("asset {} has no price yet", new.symbol)))?;
        if !old.triggered && old.status != Status::Held && new.stop_price != old.stop_price {
            checks::stop_side(new.side, new.order_type, new.stop_price, &quote)?;
        }
        let more = new.remaining() > old.remaining();
        if old.unit_cost.is_zero() {
            if more {
                self.check_free(&new.symbol, new.side, new.remaining(), old.held_qty())?;
            }
            return Ok(Decimal::ZERO);
        }
        let bounds = Bounds {
            order_type: new.order_type,
            limit_price: new.limit_price,
            stop_price: new.stop_price,
            trail_price: new.trail_price,
            trail_percent: new.trail_percent,
        };
        let unit_cost = bounds.unit_cost(new.side, &quote);
        let cost = unit_cost * new.remaining();
        if cost > old.reserved() {
            let free = self.figures(market, now).buying_power + old.reserved();
            Self::check_buying_power(cost, free)?;
        }
        Ok(unit_cost)
    }

    /// Puts the new order into the old one's place in its group.
    fn relink(&mut self, old: &Order, new: &Order, at: chrono::DateTime<chrono::Utc>) {
        if let Some(parent) = old.parent.and_then(|id| self.book.order(id)).cloned() {
            let legs = parent.legs.iter().map(|&leg| if leg == old.id { new.id } else { leg }).collect();
            self.put(Order { legs, ..parent }, at);
        }
        for leg in old.legs.iter().filter_map(|&id| self.book.order(id)).cloned().collect::<Vec<_>>() {
            self.put(Order { parent: Some(new.id), ..leg }, at);
        }
    }
}

fn priced(
    fields: Fields<'_>,
    name: &str,
    has: bool,
    old: Option<Decimal>,
) -> Result<Option<Decimal>, Refusal> {
    match fields.amount(name)? {
        Some(_) if !has => Err(Refusal::field(format!("this order has no {name}"))),
        Some(price) => check_tick(name, price).map(|()| Some(price)),
        None => Ok(old),
    }
}
