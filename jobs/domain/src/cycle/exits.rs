//! When a position is left, and how much of it.
//!
//! The order is fixed: stop loss, emergency, take-profit steps, trailing stop, time. What a position
//! remembers goes in and comes out; nothing is kept here. Short positions have no steps and no
//! trailing stop. A step is taken by the shares that were sold for it, not by the wish to sell them:
//! what an order left unfilled is due again.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::order::words::words;

/// At what gains and losses positions are left. Fractions of the entry price.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitRules {
    /// The loss at which all is sold, unless a position has a stop of its own.
    pub stop_loss: Decimal,
    /// The loss at which all is sold whatever its stop says.
    pub emergency: Decimal,
    /// The gains at which a part is sold, ascending.
    pub steps: Vec<Decimal>,
    /// The part of the shares first held that a step sells.
    pub step_part: Decimal,
    /// The gain from which on a stop follows the highest price.
    pub trailing_from: Decimal,
    /// How far below the highest price it follows.
    pub trailing_distance: Decimal,
    /// The gain from which on the stop is never below the entry and `secured`.
    pub secured_from: Decimal,
    /// The gain that is secured then.
    pub secured: Decimal,
    /// The longest that a position is held.
    pub longest: TimeDelta,
}

impl Default for ExitRules {
    fn default() -> Self {
        Self {
            stop_loss: Decimal::new(3, 2),
            emergency: Decimal::new(8, 2),
            steps: vec![Decimal::new(10, 2), Decimal::new(20, 2), Decimal::new(35, 2), Decimal::new(50, 2)],
            step_part: Decimal::new(25, 2),
            trailing_from: Decimal::new(5, 2),
            trailing_distance: Decimal::new(5, 2),
            secured_from: Decimal::new(8, 2),
            secured: Decimal::new(5, 3),
            longest: TimeDelta::hours(168),
        }
    }
}

/// A position.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// Shares; below zero when short, never zero.
    pub quantity: Decimal,
    /// Shares that take-profit steps have sold of it; they are not in `quantity` any more.
    pub stepped: Decimal,
    /// What a share cost on average; above zero.
    pub entry: Decimal,
    /// What a share costs; above zero.
    pub price: Decimal,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
}

/// What a position remembers from one look to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The highest price seen.
    pub highest: Decimal,
    /// Take-profit steps whose shares were sold at the last look; for people: no rule goes by it.
    pub steps_taken: usize,
    /// A stop of its own, below the entry or above it.
    pub stop_loss: Option<Decimal>,
}

impl Memory {
    /// Returns what a new position remembers.
    pub fn fresh(holding: &Holding) -> Self {
        Self { highest: holding.price.max(holding.entry), steps_taken: 0, stop_loss: None }
    }
}

/// Why a position is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The loss reached its stop.
    StopLoss,
    /// The loss is far beyond a stop.
    Emergency,
    /// The gain reached a step.
    TakeProfit,
    /// The price fell from its highest.
    TrailingStop,
    /// It was held for too long.
    HeldTooLong,
}

words!(ExitReason, "reason of an exit", {
    StopLoss => "stop_loss",
    Emergency => "emergency",
    TakeProfit => "take_profit",
    TrailingStop => "trailing_stop",
    HeldTooLong => "held_too_long",
});

/// How much is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// All of it.
    All,
    /// So many whole shares, fewer than all.
    Shares(Decimal),
}

/// What to do about a position.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitPlan {
    /// How much.
    pub portion: Portion,
    /// Why.
    pub reason: ExitReason,
    /// The price or time that decided, in words.
    pub because: String,
}

/// Returns what to do about `holding` now, and what it remembers from then on.
pub fn plan(
    rules: &ExitRules,
    holding: &Holding,
    memory: &Memory,
    now: DateTime<Utc>,
) -> (Memory, Option<ExitPlan>) {
    let mut after = Memory { highest: memory.highest.max(holding.price), ..memory.clone() };
    let exit = losses(rules, holding, memory)
        .or_else(|| steps(rules, holding, &mut after))
        .or_else(|| trailing(rules, holding, &after))
        .or_else(|| time(rules, holding, now));
    (after, exit)
}

/// Returns what a share gained, as a fraction of the entry price; below zero is a loss.
fn gain(holding: &Holding, price: Decimal) -> Decimal {
    let gain = (price - holding.entry) / holding.entry;
    if holding.quantity.is_sign_negative() { -gain } else { gain }
}

fn all(reason: ExitReason, because: String) -> ExitPlan {
    ExitPlan { portion: Portion::All, reason, because }
}

fn losses(rules: &ExitRules, holding: &Holding, memory: &Memory) -> Option<ExitPlan> {
    let long = holding.quantity.is_sign_positive();
    let usual = rules.stop_loss * holding.entry;
    let usual = if long { holding.entry - usual } else { holding.entry + usual };
    let stop = memory.stop_loss.unwrap_or(usual);
    let reached = if long { holding.price <= stop } else { holding.price >= stop };
    if reached {
        return Some(all(ExitReason::StopLoss, format!("{} reached the stop at {stop}", holding.price)));
    }
    let gain = gain(holding, holding.price);
    (gain <= -rules.emergency).then(|| all(ExitReason::Emergency, format!("a loss of {} %", percent(-gain))))
}

/// Sells what is still to be sold of all steps that the gain has reached, in one go: of the shares
/// held at first their part, less what steps sold before. A position too small for a part keeps its
/// shares.
fn steps(rules: &ExitRules, holding: &Holding, memory: &mut Memory) -> Option<ExitPlan> {
    if holding.quantity.is_sign_negative() {
        return None;
    }
    let gain = gain(holding, holding.price);
    let reached = rules.steps.iter().filter(|step| gain >= **step).count();
    let first = holding.quantity + holding.stepped;
    let until = |step: usize| (first * rules.step_part * Decimal::from(step)).floor();
    let sold = |step: &usize| until(*step) >= Decimal::ONE && until(*step) <= holding.stepped;
    memory.steps_taken = (1..=rules.steps.len()).filter(sold).count();
    let because = format!("a gain of {} %, step {reached} of {}", percent(gain), rules.steps.len());
    let wanted = until(reached) - holding.stepped;
    let last = reached >= rules.steps.len() && rules.step_part * Decimal::from(reached) >= Decimal::ONE;
    if reached > 0 && last || wanted >= holding.quantity {
        return Some(all(ExitReason::TakeProfit, because));
    }
    (wanted >= Decimal::ONE).then_some(ExitPlan {
        portion: Portion::Shares(wanted),
        reason: ExitReason::TakeProfit,
        because,
    })
}

fn trailing(rules: &ExitRules, holding: &Holding, memory: &Memory) -> Option<ExitPlan> {
    if holding.quantity.is_sign_negative() {
        return None;
    }
    let best = gain(holding, memory.highest);
    if best < rules.trailing_from {
        return None;
    }
    let follows = memory.highest * (Decimal::ONE - rules.trailing_distance);
    let secured = holding.entry * (Decimal::ONE + rules.secured);
    let stop = if best >= rules.secured_from { follows.max(secured) } else { follows };
    (holding.price <= stop).then(|| {
        let because =
            format!("{} fell from {} to the stop at {}", holding.price, memory.highest, stop.normalize());
        all(ExitReason::TrailingStop, because)
    })
}

fn time(rules: &ExitRules, holding: &Holding, now: DateTime<Utc>) -> Option<ExitPlan> {
    let held = now - holding.opened_at;
    (held >= rules.longest)
        .then(|| all(ExitReason::HeldTooLong, format!("held for {} hours", held.num_hours())))
}

fn percent(fraction: Decimal) -> Decimal {
    (fraction * Decimal::ONE_HUNDRED).round_dp(2).normalize()
}
