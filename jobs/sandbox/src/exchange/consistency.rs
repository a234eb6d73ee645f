//! Whether the fields of a new order go together, whatever the account and the market say.

use rust_decimal::Decimal;

use super::refusal::Refusal;
use super::request::{Amount, NewOrder};
use super::terms::{Class, OrderType, Side, TimeInForce};

impl NewOrder {
    /// Refuses a request that contradicts itself.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.client_order_id.as_ref().is_some_and(|id| id.chars().count() > 128) {
            return Err(Refusal::field("client_order_id must be no more than 128 characters"));
        }
        self.check_prices()?;
        self.check_amount()?;
        self.check_time_in_force()?;
        self.check_class()
    }

    fn check_prices(&self) -> Result<(), Refusal> {
        let name = match self.order_type {
            OrderType::Market => "market",
            OrderType::Limit => "limit",
            OrderType::Stop => "stop",
            OrderType::StopLimit => "stop limit",
            OrderType::TrailingStop => "trailing stop",
        };
        let stops = matches!(self.order_type, OrderType::Stop | OrderType::StopLimit);
        match (self.order_type.is_limit(), self.limit_price) {
            (true, None) => return Err(Refusal::field(format!("{name} orders require a limit price"))),
            (false, Some(_)) => {
                return Err(Refusal::field(format!("{name} orders must not have a limit price")));
            }
            _ => {}
        }
        match (stops, self.stop_price) {
            (true, None) => return Err(Refusal::field(format!("{name} orders require a stop price"))),
            (false, Some(_)) => {
                return Err(Refusal::field(format!("{name} orders must not have a stop price")));
            }
            _ => {}
        }
        match (self.order_type == OrderType::TrailingStop, self.trail_price, self.trail_percent) {
            (true, Some(_), None) | (true, None, Some(_)) | (false, None, None) => {}
            (true, _, _) => {
                return Err(Refusal::field(
                    "trailing stop orders must specify one of trail_price or trail_percent",
                ));
            }
            (false, _, _) => {
                return Err(Refusal::field(format!("{name} orders must not have a trail price or percent")));
            }
        }
        if self.trail_percent.is_some_and(|percent| percent >= Decimal::ONE_HUNDRED) {
            return Err(Refusal::field("trail_percent must be below 100"));
        }
        for (field, price) in [
            ("limit_price", self.limit_price),
            ("stop_price", self.stop_price),
            ("trail_price", self.trail_price),
            ("take_profit.limit_price", self.take_profit),
            ("stop_loss.stop_price", self.stop_loss.map(|leg| leg.stop_price)),
            ("stop_loss.limit_price", self.stop_loss.and_then(|leg| leg.limit_price)),
        ] {
            if let Some(price) = price {
                check_tick(field, price)?;
            }
        }
        Ok(())
    }

    fn check_amount(&self) -> Result<(), Refusal> {
        let (value, name, whole) = match self.amount {
            Amount::Qty(qty) => (qty, "qty", qty.fract().is_zero()),
            Amount::Notional(notional) => (notional, "notional", false),
        };
        if value.scale() > 9 {
            return Err(Refusal::field(format!("{name} must have at most 9 decimal places")));
        }
        if whole {
            return Ok(());
        }
        if let Amount::Notional(notional) = self.amount
            && notional < Decimal::ONE
        {
            return Err(Refusal::forbidden("cost basis must be >= minimal amount of order 1"));
        }
        if self.time_in_force != TimeInForce::Day {
            return Err(Refusal::rule("fractional orders must be DAY orders"));
        }
        if self.class != Class::Simple {
            return Err(Refusal::rule("fractional orders must be simple orders"));
        }
        if self.order_type == OrderType::TrailingStop {
            return Err(Refusal::rule("fractional orders must be market, limit, stop or stop_limit orders"));
        }
        Ok(())
    }

    fn check_time_in_force(&self) -> Result<(), Refusal> {
        let lasting = matches!(self.time_in_force, TimeInForce::Day | TimeInForce::Gtc);
        if self.order_type.is_stop() && !lasting {
            return Err(Refusal::rule("stop orders must be DAY or GTC orders"));
        }
        if self.class != Class::Simple && !lasting {
            return Err(Refusal::rule("complex orders must be DAY or GTC orders"));
        }
        if self.extended_hours && !(lasting && self.order_type == OrderType::Limit) {
            return Err(Refusal::rule("extended hours order must be DAY or GTC limit orders"));
        }
        Ok(())
    }

    fn check_class(&self) -> Result<(), Refusal> {
        let legs = (self.take_profit, self.stop_loss);
        match (self.class, legs) {
            (Class::Simple, (None, None))
            | (Class::Bracket, (Some(_), Some(_)))
            | (Class::Oto, (Some(_), None) | (None, Some(_)))
            | (Class::Oco, (_, Some(_))) => {}
            (Class::Simple, _) => {
                return Err(Refusal::field("simple orders must not have take_profit or stop_loss"));
            }
            (Class::Bracket, _) => {
                return Err(Refusal::field(
                    "bracket orders require take_profit.limit_price and stop_loss.stop_price",
                ));
            }
            (Class::Oto, _) => {
                return Err(Refusal::field("oto orders require one of take_profit or stop_loss"));
            }
            (Class::Oco, _) => {
                return Err(Refusal::field(
                    "oco orders require take_profit.limit_price and stop_loss.stop_price",
                ));
            }
        }
        if self.class == Class::Simple {
            return Ok(());
        }
        if self.extended_hours {
            return Err(Refusal::rule("complex orders must not be extended hours orders"));
        }
        if self.class == Class::Oco && self.order_type != OrderType::Limit {
            return Err(Refusal::field("oco orders must be limit orders"));
        }
        if self.class != Class::Oco && self.order_type == OrderType::TrailingStop {
            return Err(Refusal::rule("trailing stop orders cannot be the entry of a complex order"));
        }
        // The exits lie on the other side of the entry: a long exit gains upwards.
        let exit = if self.class == Class::Oco { self.side } else { self.side.opposite() };
        let gain = if self.class == Class::Oco { self.limit_price } else { self.take_profit };
        if let (Some(gain), Some(loss)) = (gain, self.stop_loss) {
            let beyond = match exit {
                Side::Sell => gain > loss.stop_price,
                Side::Buy => gain < loss.stop_price,
            };
            if !beyond {
                let relation = if exit == Side::Sell { ">" } else { "<" };
                return Err(Refusal::rule(format!(
                    "take_profit.limit_price must be {relation} stop_loss.stop_price"
                )));
            }
        }
        Ok(())
    }
}

/// Refuses a price finer than its tick: a cent from $1, else a hundredth of one.
pub(super) fn check_tick(field: &str, price: Decimal) -> Result<(), Refusal> {
    let places = if price >= Decimal::ONE { 2 } else { 4 };
    if price.normalize().scale() > places {
        return Err(Refusal::rule(format!(
            "invalid {field} {price}. sub-penny increment does not fulfill minimum pricing criteria"
        )));
    }
    Ok(())
}
