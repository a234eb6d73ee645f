//! What an order may come to be worth, and how many shares it is.
//!
//! The worst case counts, as the broker does it: a market buy at 4 % above the last trade, a buy
//! stop at 4 % above its stop price (2.5 % from $50 on), a short sale at no less than 3 % above the
//! last trade. Source: Alpaca, "Placing Orders" (buying power, collars) and its order validation.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{Missing, RiskView};
use crate::order::{Amount, OrderRequest, OrderType, Side, Trail};

/// A price with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Dollars a share.
    pub price: Decimal,
    /// When it traded.
    pub at: DateTime<Utc>,
}

/// What a market buy may cost above the last trade.
const MARKET_BUY: Decimal = Decimal::from_parts(104, 0, 0, false, 2);
/// What a buy stop may cost above its stop price, from [`HIGH_STOP`] on.
const HIGH_STOP_BUY: Decimal = Decimal::from_parts(1025, 0, 0, false, 3);
/// The stop price from which the narrower collar holds, dollars.
const HIGH_STOP: Decimal = Decimal::from_parts(50, 0, 0, false, 0);
/// What a short sale is valued at against the last trade.
const SHORT_SALE: Decimal = Decimal::from_parts(103, 0, 0, false, 2);

/// Returns the most `order` may be worth, dollars; `None` when that needs `last`, the price of the
/// last trade, which is not known.
pub fn order_value(order: &OrderRequest, last: Option<Decimal>) -> Option<Decimal> {
    let units = match order.amount {
        Amount::Notional(money) => return Some(money),
        Amount::Units(units) => units,
    };
    let price = match order.side {
        Side::Buy => buy_price(order, last)?,
        Side::Sell => sell_price(order, last)?,
    };
    units.checked_mul(price)
}

fn buy_price(order: &OrderRequest, last: Option<Decimal>) -> Option<Decimal> {
    match (order.limit_price, order.stop_price, order.trail) {
        (Some(limit), ..) => Some(limit),
        (None, Some(stop), _) => Some(stop * if stop < HIGH_STOP { MARKET_BUY } else { HIGH_STOP_BUY }),
        (None, None, Some(Trail::Price(distance))) => Some((last? + distance) * MARKET_BUY),
        (None, None, Some(Trail::Percent(percent))) => {
            Some(last? * (Decimal::ONE + percent / Decimal::ONE_HUNDRED) * MARKET_BUY)
        }
        (None, None, None) => Some(last? * MARKET_BUY),
    }
}

fn sell_price(order: &OrderRequest, last: Option<Decimal>) -> Option<Decimal> {
    let floor = last? * SHORT_SALE;
    let named = [order.limit_price, order.stop_price].into_iter().flatten().max();
    Some(named.map_or(floor, |price| price.max(floor)))
}

/// Returns the shares of `order`; money is turned into shares at `last`, `None` without it.
pub fn order_quantity(order: &OrderRequest, last: Option<Decimal>) -> Option<Decimal> {
    match order.amount {
        Amount::Units(units) => Some(units),
        Amount::Notional(money) => money.checked_div(last?),
    }
}

/// Returns whether the value depends on the last trade.
pub(super) fn needs_price(order: &OrderRequest) -> bool {
    order_value(order, None).is_none()
}

impl RiskView {
    /// Returns the last price if it is fresh enough to judge by.
    pub fn fresh_price(&self) -> Result<Decimal, Missing> {
        let quote = self.last_price.ok_or(Missing::UnknownPrice)?;
        let fresh = self.now - quote.at <= self.max_price_age && quote.price > Decimal::ZERO;
        if fresh { Ok(quote.price) } else { Err(Missing::StalePrice) }
    }

    /// Returns the most `order` may be worth, dollars.
    pub(super) fn value_of(&self, order: &OrderRequest) -> Result<Decimal, Missing> {
        let last = if needs_price(order) { Some(self.fresh_price()?) } else { None };
        order_value(order, last).ok_or(Missing::UnknownPrice)
    }
}

impl OrderRequest {
    /// Returns whether it fills at any price once it is triggered.
    pub(super) fn fills_at_any_price(&self) -> bool {
        matches!(self.order_type, OrderType::Market | OrderType::Stop | OrderType::TrailingStop)
    }
}
