//! The rules, one function each, in the order in which they are asked.

mod account;
mod market;
mod size;
mod state;

use rust_decimal::Decimal;

use super::{Account, Effect, Missing, Refusal, RiskView, Rule};
use crate::order::OrderRequest;

/// What a rule looks at.
pub(super) struct Case<'a> {
    pub(super) order: &'a OrderRequest,
    pub(super) view: &'a RiskView,
    /// What the order does to its position, or why that can't be told.
    pub(super) effect: Result<Effect, Missing>,
}

/// Why a rule does not let an order through.
pub(super) enum Stop {
    Refuse(Refusal),
    Unknown(Missing),
}

impl From<Missing> for Stop {
    fn from(what: Missing) -> Self {
        Self::Unknown(what)
    }
}

type Outcome = Result<(), Stop>;

/// All rules, in the order of [`Rule::ALL`].
pub(super) const RULES: [fn(&Case) -> Outcome; 20] = [
    state::kill_switch,
    state::halted,
    state::reducing,
    account::blocked,
    state::lock,
    account::daily_loss,
    state::duplicate,
    size::max_positions,
    size::max_notional,
    size::max_position,
    size::max_exposure,
    market::tradable_asset,
    market::fractionable,
    market::hours,
    account::position_quantity,
    account::short_sale,
    account::buying_power,
    account::pdt,
    market::wash_trade,
    market::price_collar,
];

impl Case<'_> {
    /// Returns whether the rules for entries apply. Not for exits; and an order for more than is
    /// free of a position is refused for that.
    ///
    /// An order whose effect is not known may be an exit: that must be known first.
    fn is_entry(&self) -> Result<bool, Missing> {
        Ok(self.effect? == Effect::Entry)
    }

    /// Returns the account for a rule of entries, `None` when those don't apply.
    fn for_entry(&self) -> Result<Option<&Account>, Missing> {
        if !self.is_entry()? {
            return Ok(None);
        }
        self.view.account.as_ref().map(Some).ok_or(Missing::UnknownAccount)
    }

    /// Returns the most the order may be worth, dollars.
    fn value(&self) -> Result<Decimal, Missing> {
        self.view.value_of(self.order)
    }
}

/// Returns a refusal without numbers.
fn refuse(rule: Rule, message: impl Into<String>) -> Outcome {
    Err(Stop::Refuse(Refusal { rule, message: message.into(), limit: None, actual: None, until: None }))
}

/// Returns a refusal with the number allowed and the number found.
fn refuse_by(rule: Rule, limit: Decimal, actual: Decimal, message: impl Into<String>) -> Outcome {
    Err(Stop::Refuse(Refusal {
        rule,
        message: message.into(),
        limit: Some(limit.normalize()),
        actual: Some(actual.normalize()),
        until: None,
    }))
}

/// Returns `money` in dollars and cents for a message.
fn dollars(money: Decimal) -> String {
    format!("${:.2}", money.round_dp(2))
}
