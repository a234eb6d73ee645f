//! Switches, locks and repetitions.

use super::*;

#[test]
fn an_ordinary_order_passes() {
    for order in
        [buy("10"), limit_buy("10", "99"), OrderRequest::market("AAPL", Side::Buy, Amount::Notional(d("50")))]
    {
        for stage in [Stage::Acceptance, Stage::Sending] {
            assert_eq!(check(&order, stage, &view()), Verdict::Pass, "{order:?}");
        }
    }
}

#[test]
fn the_switches_stop_everything_or_all_but_exits() {
    let long = || holding_view("10");
    expect(&[
        (buy("1"), with(|v| v.kill_switch = true), Some(Rule::KillSwitch), "entry"),
        (sell("10"), RiskView { kill_switch: true, ..long() }, Some(Rule::KillSwitch), "exit"),
        (buy("1"), with(|v| v.trading = TradingState::Halted), Some(Rule::TradingHalted), "entry"),
        (sell("10"), RiskView { trading: TradingState::Halted, ..long() }, Some(Rule::TradingHalted), "exit"),
        (buy("1"), with(|v| v.trading = TradingState::Reducing), Some(Rule::TradingReducing), "entry"),
        (sell("10"), RiskView { trading: TradingState::Reducing, ..long() }, None, "exit"),
        (
            sell("11"),
            RiskView { trading: TradingState::Reducing, ..long() },
            Some(Rule::TradingReducing),
            "more",
        ),
        (
            buy("1"),
            RiskView { trading: TradingState::Reducing, ..long() },
            Some(Rule::TradingReducing),
            "adds",
        ),
        (sell("10"), with(|v| account_of(v).trading_blocked = true), Some(Rule::AccountBlocked), "blocked"),
    ]);
}

#[test]
fn a_lock_holds_entries_back_until_it_ends() {
    let lock = |scope: LockScope, seconds: i64| {
        vec![Lock {
            scope,
            until: now() + TimeDelta::seconds(seconds),
            reason: "3 losses in a row".to_owned(),
        }]
    };
    let symbol = |name: &str| LockScope::Symbol(name.to_owned());
    expect(&[
        (buy("1"), with(|v| v.locks = lock(LockScope::All, 1)), Some(Rule::Lock), "all"),
        (buy("1"), with(|v| v.locks = lock(symbol("AAPL"), 1)), Some(Rule::Lock), "the symbol"),
        (buy("1"), with(|v| v.locks = lock(symbol("MSFT"), 1)), None, "another symbol"),
        (buy("1"), with(|v| v.locks = lock(LockScope::All, 0)), None, "over"),
        (sell("1"), RiskView { locks: lock(LockScope::All, 1), ..holding_view("1") }, None, "exit"),
    ]);
    let verdict = check(&buy("1"), Stage::Sending, &with(|v| v.locks = lock(LockScope::All, 1)));
    let refusal = verdict.refusal().expect("the lock refuses");
    assert_eq!(refusal.until, Some(now() + TimeDelta::seconds(1)));
    assert!(refusal.message.ends_with("3 losses in a row"), "{}", refusal.message);
}

#[test]
fn a_repetition_within_the_window_is_refused() {
    let after = |millis: i64, side: Side, quantity: &str| {
        with(|v| {
            v.recent_orders = vec![RecentOrder {
                symbol: "AAPL".to_owned(),
                side,
                amount: units(quantity),
                created_at: now() - TimeDelta::milliseconds(millis),
            }];
        })
    };
    expect(&[
        (buy("1"), after(9_999, Side::Buy, "1"), Some(Rule::Duplicate), "within"),
        (buy("1"), after(10_000, Side::Buy, "1"), None, "just over"),
        (buy("1"), after(1, Side::Buy, "1.00"), Some(Rule::Duplicate), "the same number"),
        (buy("1"), after(1, Side::Buy, "2"), None, "another size"),
        (buy("1"), after(1, Side::Sell, "1"), None, "the other side"),
        (
            sell("1"),
            RiskView { positions: holding_view("5").positions, ..after(1, Side::Sell, "1") },
            Some(Rule::Duplicate),
            "an exit sold twice",
        ),
        (
            buy("1"),
            RiskView {
                limits: Limits { duplicate_window: TimeDelta::zero(), ..Limits::default() },
                ..after(0, Side::Buy, "1")
            },
            None,
            "switched off",
        ),
    ]);
}

#[test]
fn the_words_of_rules_are_the_same_in_json() {
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_value(rule).expect("a word serialises"), rule.as_str());
    }
    for what in Missing::ALL {
        assert_eq!(serde_json::to_value(what).expect("a word serialises"), what.as_str());
    }
}
