//! Rules about how much: of one order, one position, and all of them.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{Case, Outcome, dollars, refuse_by};
use crate::risk::{Account, Missing, Rule};

pub(super) fn max_positions(case: &Case) -> Outcome {
    if !case.is_entry()? {
        return Ok(());
    }
    let (view, symbol) = (case.view, &case.order.symbol);
    let positions = view.positions.as_ref().ok_or(Missing::UnknownPositions)?;
    let held = positions.iter().filter(|held| !held.quantity.is_zero()).map(|held| &held.symbol);
    let entered = view.open_orders.iter().filter(|open| !open.reduces).map(|open| &open.symbol);
    let mut symbols: BTreeSet<&String> = held.chain(entered).collect();
    if !symbols.insert(symbol) {
        return Ok(());
    }
    let (count, limit) = (Decimal::from(symbols.len()), Decimal::from(view.limits.max_positions));
    if count <= limit {
        return Ok(());
    }
    let message = format!("{symbol} would be position {count}, of {limit} allowed");
    refuse_by(Rule::MaxPositions, limit, count, message)
}

pub(super) fn max_notional(case: &Case) -> Outcome {
    let Some(limit) = case.view.limits.max_notional else { return Ok(()) };
    if !case.is_entry()? {
        return Ok(());
    }
    let value = case.value()?;
    if value <= limit {
        return Ok(());
    }
    let message = format!("the order is worth up to {}, of {} allowed", dollars(value), dollars(limit));
    refuse_by(Rule::MaxNotional, limit, value, message)
}

/// The position, what open orders may still add to it, and this order.
pub(super) fn max_position(case: &Case) -> Outcome {
    let symbol = &case.order.symbol;
    share(case, Rule::MaxPosition, case.view.limits.max_position_percent, symbol, |other| other == symbol)
}

/// All positions, what open orders may still add, and this order.
pub(super) fn max_exposure(case: &Case) -> Outcome {
    let percent = case.view.limits.max_exposure_percent;
    share(case, Rule::MaxExposure, percent, "all positions together", |_| true)
}

/// Checks that what is held and may be entered of the `counted` symbols stays within `percent` of
/// the equity.
fn share(case: &Case, rule: Rule, percent: Decimal, whose: &str, counted: impl Fn(&str) -> bool) -> Outcome {
    let Some(Account { equity, .. }) = case.for_entry()? else { return Ok(()) };
    let view = case.view;
    let positions = view.positions.as_ref().ok_or(Missing::UnknownPositions)?;
    let held = positions.iter().filter(|held| counted(&held.symbol)).map(|held| held.market_value.abs());
    let entered =
        view.open_orders.iter().filter(|open| !open.reduces && counted(&open.symbol)).map(|open| open.value);
    let before: Decimal = held.chain(entered).sum();
    let limit = (*equity * percent / Decimal::ONE_HUNDRED).max(Decimal::ZERO);
    let actual = before + case.value()?;
    if actual <= limit {
        return Ok(());
    }
    let message = format!(
        "{whose} would be worth up to {}, of {} allowed ({} % of {})",
        dollars(actual),
        dollars(limit),
        percent.normalize(),
        dollars(*equity)
    );
    refuse_by(rule, limit, actual, message)
}
