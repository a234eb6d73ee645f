//! The gates before an order: kill switch, locks, limits, account, market.
//!
//! [`check`] is pure and sees nothing but its arguments. It is asked twice: when an order is
//! accepted and, with a fresh view, when it is about to be sent. Orders that reduce a position
//! ("exits") are never held back by size, loss, collar or day-trade rules: getting out must
//! always be possible, except while trading is halted, when only cancels pass and those never
//! come here.

mod effect;
mod rules;
mod value;
mod verdict;
mod view;

use crate::order::OrderRequest;

pub use effect::{Effect, effect};
pub use value::{Quote, order_quantity, order_value};
pub use verdict::{Missing, Refusal, Rule, Verdict};
pub use view::{
    Account, Asset, Holding, Limits, Lock, LockScope, Market, OpenOrder, RecentOrder, RiskView, TradingState,
};

/// When the gates are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Before the order is recorded. What is not known is left to [`Stage::Sending`].
    Acceptance,
    /// Right before the order is sent. What is not known is a reason to wait.
    Sending,
}

/// Returns whether `order` may go on, by the rules in the order of [`Rule::ALL`].
///
/// The first rule that is broken decides, even when an earlier one could not be judged. When
/// none is broken but one could not be judged, the answer is [`Verdict::Unknown`] at sending,
/// which is worth another try, and [`Verdict::Pass`] at acceptance.
pub fn check(order: &OrderRequest, at: Stage, view: &RiskView) -> Verdict {
    let case = rules::Case { order, view, effect: effect(order, view) };
    let mut missing = None;
    for rule in rules::RULES {
        match rule(&case) {
            Ok(()) => {}
            Err(rules::Stop::Refuse(refusal)) => return Verdict::Refuse(refusal),
            Err(rules::Stop::Unknown(what)) => missing = missing.or(Some(what)),
        }
    }
    match (at, missing) {
        (Stage::Sending, Some(what)) => Verdict::Unknown(what),
        _ => Verdict::Pass,
    }
}

#[cfg(test)]
mod tests;
