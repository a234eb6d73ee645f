//! What holds for any view.

use proptest::prelude::*;

use super::*;

const SYMBOLS: [&str; 3] = ["AAPL", "MSFT", "TSLA"];

fn cents(range: std::ops::Range<i64>) -> impl Strategy<Value = Decimal> {
    range.prop_map(|cents| Decimal::new(cents, 2))
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(Side::ALL)
}

fn any_view() -> impl Strategy<Value = RiskView> {
    let positions = prop::collection::btree_map(prop::sample::select(&SYMBOLS[..]), -300_i64..600, 0..3);
    let opens = prop::collection::vec(
        (prop::sample::select(&SYMBOLS[..]), side(), 1_i64..200, any::<bool>(), any::<bool>()),
        0..4,
    );
    let account = (cents(0..20_000_000), cents(0..20_000_000), cents(0..40_000_000), 0_u32..5);
    let limits = (1_i64..100, 1_i64..300, 1_u32..5, any::<bool>());
    let switches =
        (prop::sample::select(TradingState::ALL), any::<bool>(), prop::option::of(cents(1_000..20_000)));
    (positions, opens, account, limits, switches).prop_map(
        |(positions, opens, (equity, last_equity, power, trades), limits, (trading, kill, last))| {
            let mut view = view();
            let price = last.unwrap_or(Decimal::ONE_HUNDRED);
            view.positions = Some(
                positions
                    .into_iter()
                    .map(|(symbol, quantity)| Holding {
                        symbol: symbol.to_owned(),
                        quantity: quantity.into(),
                        market_value: Decimal::from(quantity) * price,
                    })
                    .collect(),
            );
            view.open_orders = opens
                .into_iter()
                .map(|(symbol, side, remaining, reduces, at_broker)| OpenOrder {
                    at_broker,
                    ..open(symbol, side, &remaining.to_string(), reduces)
                })
                .collect();
            let known = account_of(&mut view);
            (known.equity, known.last_equity) = (equity, last_equity);
            (known.buying_power, known.daytrade_count) = (power, trades);
            view.limits.max_position_percent = limits.0.into();
            view.limits.max_exposure_percent = limits.1.into();
            view.limits.max_positions = limits.2;
            view.limits.allow_short = limits.3;
            (view.trading, view.kill_switch) = (trading, kill);
            view.last_price = last.map(|price| Quote { price, at: now() });
            view
        },
    )
}

fn any_order() -> impl Strategy<Value = OrderRequest> {
    (side(), 1_i64..400, prop::option::of(cents(1_000..20_000))).prop_map(|(side, quantity, limit)| {
        let amount = Amount::Units(quantity.into());
        match limit {
            None => OrderRequest::market("AAPL", side, amount),
            Some(price) => OrderRequest::limit("AAPL", side, amount, price),
        }
    })
}

fn exposure(view: &RiskView) -> Decimal {
    let held = view.positions.iter().flatten().map(|held| held.market_value.abs());
    held.chain(view.open_orders.iter().filter(|open| !open.reduces).map(|open| open.value)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn what_passes_never_lifts_exposure_or_cost_over_the_limits(order in any_order(), view in any_view()) {
        let entry = effect(&order, &view) == Ok(Effect::Entry);
        if entry && check(&order, Stage::Sending, &view) == Verdict::Pass {
            let account = view.account.as_ref().expect("the account is known");
            let value = view.value_of(&order).expect("the price is known");
            let after = exposure(&view) + value;
            prop_assert!(after <= account.equity * view.limits.max_exposure_percent / Decimal::ONE_HUNDRED);
            prop_assert!(value <= account.buying_power);
            prop_assert!(view.trading == TradingState::Active && !view.kill_switch);
        }
    }

    #[test]
    fn nothing_passes_when_halted(order in any_order(), view in any_view(), switch: bool) {
        let view = if switch {
            RiskView { kill_switch: true, ..view }
        } else {
            RiskView { trading: TradingState::Halted, ..view }
        };
        for stage in [Stage::Acceptance, Stage::Sending] {
            prop_assert!(check(&order, stage, &view).refusal().is_some());
        }
    }

    #[test]
    fn an_exit_always_passes_while_reducing(order in any_order(), view in any_view()) {
        let mut view = RiskView { trading: TradingState::Reducing, kill_switch: false, ..view };
        view.open_orders.retain(|open| open.side == order.side);
        if effect(&order, &view) == Ok(Effect::Exit) {
            prop_assert_eq!(check(&order, Stage::Sending, &view), Verdict::Pass);
        } else {
            prop_assert!(check(&order, Stage::Sending, &view).refusal().is_some());
        }
    }

    #[test]
    fn whatever_passes_while_reducing_passes_while_active(order in any_order(), view in any_view()) {
        let reducing = RiskView { trading: TradingState::Reducing, ..view.clone() };
        let active = RiskView { trading: TradingState::Active, ..view };
        if check(&order, Stage::Sending, &reducing) == Verdict::Pass {
            prop_assert_eq!(check(&order, Stage::Sending, &active), Verdict::Pass);
        }
    }

    #[test]
    fn a_smaller_order_passes_where_a_larger_one_does(
        order in any_order(), view in any_view(), less in 1_i64..400,
    ) {
        let quantity = order.amount.units().expect("orders of this test are in shares");
        let smaller = quantity.min(less.into());
        if check(&order, Stage::Sending, &view) == Verdict::Pass {
            let order = OrderRequest { amount: Amount::Units(smaller), ..order };
            prop_assert_eq!(check(&order, Stage::Sending, &view), Verdict::Pass);
        }
    }

    #[test]
    fn sending_is_never_milder_than_acceptance(order in any_order(), view in any_view()) {
        let (first, second) = (check(&order, Stage::Acceptance, &view), check(&order, Stage::Sending, &view));
        prop_assert_eq!(first.refusal(), second.refusal());
    }
}
