//! Whether an order gets into a position or out of one.

use rust_decimal::Decimal;

use super::{Missing, RiskView, order_quantity};
use crate::order::{OrderRequest, Side};

/// What an order does to the position of its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It adds to the position, or opens one.
    Entry,
    /// It reduces the position with shares that no other order has taken.
    Exit,
    /// It is against the position and larger than what is free of it.
    Excess,
}

/// Returns the effect of `order`, or what is missing to tell.
///
/// Open orders that reduce the position have their shares already. Money is turned into shares at
/// the last price, however old: it only tells apart the exits, and an exit must not wait for one.
pub fn effect(order: &OrderRequest, view: &RiskView) -> Result<Effect, Missing> {
    let held = view.held(&order.symbol).ok_or(Missing::UnknownPositions)?;
    let is_against = match order.side {
        Side::Buy => held < Decimal::ZERO,
        Side::Sell => held > Decimal::ZERO,
    };
    if !is_against {
        return Ok(Effect::Entry);
    }
    let last = view.last_price.map(|quote| quote.price);
    let quantity = order_quantity(order, last).ok_or(Missing::UnknownPrice)?;
    Ok(if quantity <= free(order, view, held) { Effect::Exit } else { Effect::Excess })
}

/// Returns the shares of the position `held` that no open order has taken.
pub(super) fn free(order: &OrderRequest, view: &RiskView, held: Decimal) -> Decimal {
    let taken: Decimal = view
        .open_orders
        .iter()
        .filter(|open| open.symbol == order.symbol && open.side == order.side)
        .map(|open| open.remaining)
        .sum();
    (held.abs() - taken).max(Decimal::ZERO)
}
