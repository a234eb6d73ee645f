//! When an order fills against a quote, and at what price. Pure.
//!
//! The rules of the backtest engine work on daily bars in f64, after the fact: they know the
//! high and the low of the bar. An exchange sees one quote at a time and keeps decimal money,
//! so its rules are written here for quotes.

use rust_decimal::Decimal;

use super::market::Quote;
use super::order::{Order, OrderType, Side};

/// Returns what `side` pays or gets at once.
pub(super) fn touch(side: Side, quote: &Quote) -> Decimal {
    match side {
        Side::Buy => quote.ask,
        Side::Sell => quote.bid,
    }
}

/// Whether `price` is no worse than `limit` for `side`.
pub(super) fn within(side: Side, price: Decimal, limit: Decimal) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// Whether a trade at `last` triggers a stop: at or above it for a buy, at or below for a sell.
pub(super) fn triggers(side: Side, last: Decimal, stop: Decimal) -> bool {
    match side {
        Side::Buy => last >= stop,
        Side::Sell => last <= stop,
    }
}

/// Returns the price a triggered buy stop pays at most: 4 % above a stop under $50, else 2.5 %.
///
/// Source: the provider's order documentation ("buy stop orders are converted to stop limit").
pub(super) fn buy_stop_limit(stop: Decimal) -> Decimal {
    stop * collar(stop)
}

/// Returns 1 + the share a buy without a limit may pay above `price`: 4 % under $50, else 2.5 %.
pub(super) fn collar(price: Decimal) -> Decimal {
    if price < Decimal::from(50) { Decimal::new(104, 2) } else { Decimal::new(1025, 3) }
}

/// What one look at a quote means for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The best price seen, for a trailing stop.
    pub hwm: Option<Decimal>,
    /// The stop price after this look.
    pub stop_price: Option<Decimal>,
    /// Whether the stop has been reached, now or before.
    pub triggered: bool,
    /// The price it fills at, if it does.
    pub price: Option<Decimal>,
}

/// Returns what `quote` means for `order`.
pub(super) fn look(order: &Order, quote: &Quote) -> Outcome {
    let (hwm, stop_price) = trail(order, quote.last);
    let stop = if order.order_type.is_stop() { stop_price } else { None };
    let triggered = order.triggered || stop.is_some_and(|stop| triggers(order.side, quote.last, stop));
    let limit = match (order.order_type, order.side) {
        (OrderType::Limit | OrderType::StopLimit, _) => order.limit_price,
        (OrderType::Stop, Side::Buy) => order.stop_price.map(buy_stop_limit),
        _ => None,
    };
    let price = touch(order.side, quote);
    let fills = (triggered || !order.order_type.is_stop())
        && limit.is_none_or(|limit| within(order.side, price, limit));
    Outcome { hwm, stop_price, triggered, price: fills.then_some(price) }
}

/// Returns the price an auction at `last` fills `order` at, if its limit allows.
pub(super) fn auction(order: &Order, last: Decimal) -> Option<Decimal> {
    order.limit_price.is_none_or(|limit| within(order.side, last, limit)).then_some(last)
}

/// Returns the stop `hwm` gives at the order's distance, to the cent.
pub(super) fn trailing_stop(
    side: Side,
    hwm: Decimal,
    trail_price: Option<Decimal>,
    trail_percent: Option<Decimal>,
) -> Decimal {
    let distance =
        trail_price.unwrap_or_else(|| hwm * trail_percent.unwrap_or_default() / Decimal::ONE_HUNDRED);
    match side {
        Side::Buy => hwm + distance,
        Side::Sell => hwm - distance,
    }
    .round_dp(2)
}

fn trail(order: &Order, last: Decimal) -> (Option<Decimal>, Option<Decimal>) {
    if order.order_type != OrderType::TrailingStop || order.triggered {
        return (order.hwm, order.stop_price);
    }
    let hwm = match (order.hwm, order.side) {
        (None, _) => last,
        (Some(best), Side::Sell) => best.max(last),
        (Some(best), Side::Buy) => best.min(last),
    };
    if order.hwm == Some(hwm) {
        return (order.hwm, order.stop_price);
    }
    (Some(hwm), Some(trailing_stop(order.side, hwm, order.trail_price, order.trail_percent)))
}

#[cfg(test)]
mod tests;
