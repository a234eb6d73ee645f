//! Rules about the symbol and its market: what trades, when, and near which price.

use rust_decimal::Decimal;

use super::{Case, Outcome, dollars, refuse, refuse_by};
use crate::{
    order::{Amount, OrderClass, Side, TimeInForce},
    risk::{Missing, OpenOrder, Rule},
};

pub(super) fn tradable_asset(case: &Case) -> Outcome {
    let asset = case.view.asset.ok_or(Missing::UnknownAsset)?;
    if asset.active && asset.tradable {
        return Ok(());
    }
    let why = if asset.active { "not tradable" } else { "not active" };
    refuse(Rule::TradableAsset, format!("{} is {why}", case.order.symbol))
}

pub(super) fn fractionable(case: &Case) -> Outcome {
    let whole = match case.order.amount {
        Amount::Units(units) => units.is_integer(),
        Amount::Notional(_) => false,
    };
    if whole || case.view.asset.ok_or(Missing::UnknownAsset)?.fractionable {
        return Ok(());
    }
    refuse(Rule::Fractionable, format!("{} trades in whole shares only", case.order.symbol))
}

/// Outside regular hours orders for extended hours trade in their sessions; the others wait for
/// the open, if the user lets them.
pub(super) fn hours(case: &Case) -> Outcome {
    let market = case.view.market.ok_or(Missing::UnknownMarket)?;
    let order = case.order;
    if market.is_open || (order.extended_hours && market.session.is_extended()) {
        return Ok(());
    }
    let session = market.session.as_str();
    if matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok) {
        let message =
            format!("a {} order can't wait for the open, and the session is {session}", order.time_in_force);
        return refuse(Rule::MarketHours, message);
    }
    if case.view.limits.queue_outside_hours {
        return Ok(());
    }
    let message = format!(
        "the session is {session}, in which a {} {} order does not trade",
        order.order_type, order.time_in_force
    );
    refuse(Rule::MarketHours, message)
}

/// The broker refuses an order while one of the other side rests that could trade with it.
///
/// Two limit prices that don't meet are fine.
pub(super) fn wash_trade(case: &Case) -> Outcome {
    let order = case.order;
    // The legs of an oco replace what rests; the broker judges them with their group.
    if order.class == OrderClass::Oco {
        return Ok(());
    }
    let limit = order.limit_price.filter(|_| !order.fills_at_any_price());
    let meets = |open: &OpenOrder| match (order.side, limit, open.limit_price) {
        (Side::Buy, Some(buy), Some(sell)) | (Side::Sell, Some(sell), Some(buy)) => buy >= sell,
        _ => true,
    };
    let opposite = case
        .view
        .open_orders
        .iter()
        .find(|open| open.symbol == order.symbol && open.side == order.side.opposite() && meets(open));
    let Some(opposite) = opposite else { return Ok(()) };
    let message = format!(
        "a {} of {} shares of {} rests that could trade with this {}",
        opposite.side,
        opposite.remaining.normalize(),
        order.symbol,
        order.side
    );
    refuse(Rule::WashTrade, message)
}

/// Only the losing side counts, a buy above or a sale below: a patient limit is fine. The limit
/// of a stop-limit order is measured from its stop price, where it will be put.
pub(super) fn price_collar(case: &Case) -> Outcome {
    let order = case.order;
    let (Some(percent), Some(limit)) = (case.view.limits.price_collar_percent, order.limit_price) else {
        return Ok(());
    };
    if !case.is_entry()? {
        return Ok(());
    }
    let (from, reference) = match order.stop_price {
        Some(stop) => ("the stop price", stop),
        None => ("the last trade", case.view.fresh_price()?),
    };
    let width = reference * percent / Decimal::ONE_HUNDRED;
    let (bound, is_beyond) = match order.side {
        Side::Buy => (reference + width, limit > reference + width),
        Side::Sell => (reference - width, limit < reference - width),
    };
    if !is_beyond {
        return Ok(());
    }
    let message = format!(
        "the limit {} is beyond {}, {} % from {from} of {}",
        dollars(limit),
        dollars(bound),
        percent.normalize(),
        dollars(reference)
    );
    refuse_by(Rule::PriceCollar, bound, limit, message)
}
