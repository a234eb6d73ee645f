//! What the account, the asset and the price have to say about an order.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::Exchange;
use super::account::Figures;
use super::market::{Asset, Market, Quote};
use super::matching::{buy_stop_limit, collar, trailing_stop};
use super::order::Order;
use super::order_object::amount;
use super::refusal::Refusal;
use super::request::{Amount, NewOrder};
use super::terms::{Class, OrderType, Side, TimeInForce};

/// The smallest distance of an exit from its entry, in dollars.
const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// Prices that bound what an order costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub order_type: OrderType,
    pub limit_price: Option<Decimal>,
    pub stop_price: Option<Decimal>,
    pub trail_price: Option<Decimal>,
    pub trail_percent: Option<Decimal>,
}

impl Bounds {
    /// Returns the most an opening share may cost: the limit; without one the price and its
    /// collar; for a short at least 3 % above the ask.
    pub(super) fn unit_cost(&self, side: Side, quote: &Quote) -> Decimal {
        if side == Side::Sell {
            let floor = quote.ask * Decimal::new(103, 2);
            return self.limit_price.map_or(floor, |limit| limit.max(floor));
        }
        match (self.order_type, self.limit_price, self.stop_price) {
            (OrderType::Limit | OrderType::StopLimit, Some(limit), _) => limit,
            (OrderType::Stop, _, Some(stop)) => buy_stop_limit(stop),
            (OrderType::TrailingStop, ..) => {
                let stop = trailing_stop(side, quote.last, self.trail_price, self.trail_percent);
                stop * collar(stop)
            }
            _ => quote.ask * collar(quote.ask),
        }
    }
}

/// Refuses a stop that the market is already beyond.
pub(super) fn stop_side(
    side: Side,
    order_type: OrderType,
    stop: Option<Decimal>,
    quote: &Quote,
) -> Result<(), Refusal> {
    let Some(stop) = stop.filter(|_| order_type.is_stop()) else { return Ok(()) };
    let refusal = match side {
        Side::Sell if stop >= quote.last => "stop price must be less than current price",
        Side::Buy if stop <= quote.last => "stop price must be greater than current price",
        _ => return Ok(()),
    };
    Err(Refusal::rule(refusal).amount("market_price", quote.last).amount("stop_price", stop))
}

/// Refuses exits on the wrong side of what the entry is expected to cost.
pub(super) fn exits(request: &NewOrder, quote: &Quote) -> Result<(), Refusal> {
    if !matches!(request.class, Class::Bracket | Class::Oto) {
        return Ok(());
    }
    let market = match request.side {
        Side::Buy => quote.ask,
        Side::Sell => quote.bid,
    };
    let base = request.limit_price.or(request.stop_price).unwrap_or(market);
    let long = request.side == Side::Buy;
    if let Some(gain) = request.take_profit {
        let bound = if long { base + CENT } else { base - CENT };
        if (long && gain < bound) || (!long && gain > bound) {
            let relation = if long { ">= base_price + 0.01" } else { "<= base_price - 0.01" };
            return Err(Refusal::rule(format!("take_profit.limit_price must be {relation}"))
                .amount("base_price", base));
        }
    }
    if let Some(loss) = request.stop_loss {
        let bound = if long { base - CENT } else { base + CENT };
        if (long && loss.stop_price > bound) || (!long && loss.stop_price < bound) {
            let relation = if long { "<= base_price - 0.01" } else { ">= base_price + 0.01" };
            return Err(
                Refusal::rule(format!("stop_loss.stop_price must be {relation}")).amount("base_price", base)
            );
        }
    }
    Ok(())
}

/// Refuses an auction order that its auction no longer takes.
pub(super) fn auction_time(
    time_in_force: TimeInForce,
    market: &dyn Market,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let open = market.is_open(now);
    match time_in_force {
        TimeInForce::Opg if open => {
            Err(Refusal::rule("market on open orders are not accepted during market hours"))
        }
        TimeInForce::Cls if open && market.next_close(now) - now < TimeDelta::minutes(10) => {
            Err(Refusal::rule("market on close orders are not accepted in the last 10 minutes"))
        }
        _ => Ok(()),
    }
}

/// Refuses fractions where the asset or the user does not allow them.
pub(super) fn fractions(exchange: &Exchange, request: &NewOrder, asset: &Asset) -> Result<(), Refusal> {
    let whole = matches!(request.amount, Amount::Qty(qty) if qty.fract().is_zero());
    if whole {
        return Ok(());
    }
    if !asset.fractionable {
        return Err(Refusal::forbidden(format!("asset \"{}\" is not fractionable", asset.symbol)));
    }
    if !exchange.fractions_enabled() {
        return Err(Refusal::forbidden("fractional trading is disabled for this account"));
    }
    Ok(())
}

impl Exchange {
    /// Refuses closing more of the position of `symbol` than other orders leave free.
    ///
    /// `own` shares are those of the order that is replaced: they are free for its successor.
    pub(super) fn check_free(
        &self,
        symbol: &str,
        side: Side,
        qty: Decimal,
        own: Decimal,
    ) -> Result<(), Refusal> {
        let existing = self.book.position_qty(symbol).abs();
        let held = self.book.held(symbol, side) - own;
        let free = (existing - held).max(Decimal::ZERO);
        if qty <= free {
            return Ok(());
        }
        let related: Vec<_> = self.book.open_orders(symbol, side).map(|order| order.id).collect();
        let (wanted, available) = (amount(qty), amount(free));
        Err(Refusal::forbidden(format!(
            "insufficient qty available for order (requested: {wanted}, available: {available})"
        ))
        .with("available", available)
        .amount("existing_qty", existing)
        .amount("held_for_orders", held)
        .with("symbol", symbol)
        .with("related_orders", serde_json::json!(related)))
    }

    /// Refuses an order that could trade with a resting one of the same account.
    pub(super) fn check_wash_trade(&self, request: &NewOrder, symbol: &str) -> Result<(), Refusal> {
        if request.class != Class::Simple {
            return Ok(());
        }
        let limit = if request.order_type.is_limit() { request.limit_price } else { None };
        let crosses = |resting: &Order| {
            let other = if resting.order_type.is_limit() { resting.limit_price } else { None };
            match (limit, other) {
                (Some(ours), Some(theirs)) if request.side == Side::Buy => ours >= theirs,
                (Some(ours), Some(theirs)) => ours <= theirs,
                _ => true,
            }
        };
        let mut opposite = self.book.open_orders(symbol, request.side.opposite());
        match opposite.find(|resting| resting.class == Class::Simple && crosses(resting)) {
            Some(resting) => Err(Refusal::forbidden("potential wash trade detected. use complex orders")
                .with("existing_order_id", resting.id.0.to_string())
                .with("reject_reason", "opposite side order exists")),
            None => Ok(()),
        }
    }

    /// Refuses a short sale the account or the asset does not allow.
    pub(super) fn check_short(
        &self,
        request: &NewOrder,
        asset: &Asset,
        figures: &Figures,
    ) -> Result<(), Refusal> {
        let whole = matches!(request.amount, Amount::Qty(qty) if qty.fract().is_zero());
        if !self.shorting_enabled(figures) {
            return Err(Refusal::forbidden("account is not allowed to short"));
        }
        if !asset.shortable {
            return Err(Refusal::rule(format!("asset \"{}\" cannot be sold short", asset.symbol)));
        }
        if !whole {
            return Err(Refusal::rule("fractional orders cannot be sold short"));
        }
        Ok(())
    }

    /// Refuses a cost beyond the buying power.
    pub(super) fn check_buying_power(cost: Decimal, available: Decimal) -> Result<(), Refusal> {
        if cost <= available {
            return Ok(());
        }
        Err(Refusal::forbidden("insufficient buying power")
            .amount("buying_power", available.max(Decimal::ZERO).round_dp(2))
            .amount("cost_basis", cost.round_dp(2)))
    }
}
