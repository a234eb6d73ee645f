//! Rules about what is allowed at all: kill switch, trading state, locks, repetitions.

use super::{Case, Outcome, Stop, refuse};
use crate::risk::{Effect, LockScope, Refusal, Rule, TradingState};

pub(super) fn kill_switch(case: &Case) -> Outcome {
    if case.view.kill_switch {
        return refuse(Rule::KillSwitch, "the kill switch is on: only cancels pass");
    }
    Ok(())
}

pub(super) fn halted(case: &Case) -> Outcome {
    if case.view.trading == TradingState::Halted {
        return refuse(Rule::TradingHalted, "trading is halted: only cancels pass");
    }
    Ok(())
}

pub(super) fn reducing(case: &Case) -> Outcome {
    if case.view.trading != TradingState::Reducing || case.effect? == Effect::Exit {
        return Ok(());
    }
    let (side, symbol) = (case.order.side, &case.order.symbol);
    refuse(
        Rule::TradingReducing,
        format!("only exits pass, and this {side} of {symbol} would not reduce a position"),
    )
}

pub(super) fn lock(case: &Case) -> Outcome {
    let applies = |scope: &LockScope| match scope {
        LockScope::All => true,
        LockScope::Symbol(symbol) => *symbol == case.order.symbol,
    };
    let view = case.view;
    let longest = view
        .locks
        .iter()
        .filter(|lock| lock.until > view.now && applies(&lock.scope))
        .max_by_key(|lock| lock.until);
    let Some(lock) = longest else { return Ok(()) };
    if case.effect? == Effect::Exit {
        return Ok(());
    }
    let scope = match &lock.scope {
        LockScope::All => "all symbols are".to_owned(),
        LockScope::Symbol(symbol) => format!("{symbol} is"),
    };
    let until = lock.until.format("%Y-%m-%dT%H:%M:%SZ");
    Err(Stop::Refuse(Refusal {
        rule: Rule::Lock,
        message: format!("{scope} locked until {until}: {}", lock.reason),
        limit: None,
        actual: None,
        until: Some(lock.until),
    }))
}

/// The same symbol, side and size again within the window; exits too, since a repeated exit
/// sells twice.
pub(super) fn duplicate(case: &Case) -> Outcome {
    let (view, order) = (case.view, case.order);
    let window = view.limits.duplicate_window;
    let earlier = view.recent_orders.iter().find(|recent| {
        recent.symbol == order.symbol
            && recent.side == order.side
            && recent.amount == order.amount
            && (view.order_created_at - recent.created_at).abs() < window
    });
    let Some(earlier) = earlier else { return Ok(()) };
    let age = (view.order_created_at - earlier.created_at).abs();
    Err(Stop::Refuse(Refusal {
        rule: Rule::Duplicate,
        message: format!(
            "the same {} of {} was given {} ms ago, within {} ms",
            order.side,
            order.symbol,
            age.num_milliseconds(),
            window.num_milliseconds()
        ),
        limit: Some(window.num_milliseconds().into()),
        actual: Some(age.num_milliseconds().into()),
        until: Some(earlier.created_at + window),
    }))
}
