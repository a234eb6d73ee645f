//! Worked examples, then what must hold for any fills.

use proptest::prelude::*;

use super::*;

fn d(text: &str) -> Decimal {
    text.parse().expect("a number of this test is valid")
}

fn fill(side: Side, quantity: &str, price: &str) -> Fill {
    Fill { side, quantity: d(quantity), price: d(price) }
}

#[test]
fn buys_move_the_average_and_sells_do_not() {
    use Side::{Buy, Sell};
    let fills = [
        // (fill, quantity, average, pnl, ends a round trip)
        (fill(Buy, "10", "100"), "10", Some("100"), None, false),
        (fill(Buy, "30", "120"), "40", Some("115"), None, false),
        (fill(Sell, "20", "125"), "20", Some("115"), Some("200"), false),
        (fill(Sell, "20", "110"), "0", None, Some("-100"), true),
        (fill(Sell, "8", "50"), "-8", Some("50"), None, false),
        (fill(Sell, "2", "60"), "-10", Some("52"), None, false),
        (fill(Buy, "5", "40"), "-5", Some("52"), Some("60"), false),
        (fill(Buy, "15", "50"), "10", Some("50"), Some("10"), true),
        (fill(Sell, "12.5", "51"), "-2.5", Some("51"), Some("10"), true),
    ];
    let list: Vec<Fill> = fills.iter().map(|case| case.0).collect();
    let seen: Vec<Trade> = trades(Position::default(), &list).collect();
    assert_eq!(seen.len(), fills.len());
    for (trade, (fill, quantity, average, pnl, ends)) in seen.iter().zip(fills) {
        assert_eq!(trade.after.quantity(), d(quantity), "{fill:?}");
        assert_eq!(trade.after.average_entry(), average.map(d), "{fill:?}");
        assert_eq!(trade.pnl, pnl.map(d), "{fill:?}");
        assert_eq!(trade.ends_round_trip, ends, "{fill:?}");
    }
}

#[test]
fn profit_is_measured_against_the_average_entry() {
    let long = Position::held(d("10"), d("100"));
    assert_eq!((long.market_value(d("90")), long.unrealised(d("90"))), (d("900"), d("-100")));
    let short = Position::held(d("-10"), d("100"));
    assert_eq!((short.market_value(d("90")), short.unrealised(d("90"))), (d("-900"), d("100")));
    assert_eq!(short.side(), Some(Side::Sell));
    assert_eq!(Position::default().average_entry(), None);
}

#[test]
fn thirds_lose_nothing() {
    let fills = [fill(Side::Buy, "3", "10.01"), fill(Side::Sell, "1", "10"), fill(Side::Sell, "2", "10")];
    let realised: Decimal = trades(Position::default(), &fills).filter_map(|trade| trade.pnl).sum();
    assert_eq!(realised, d("-0.03"));
}

fn any_fill() -> impl Strategy<Value = Fill> {
    (any::<bool>(), 1_i64..5_000_000_000, 0_i64..20_000_000).prop_map(|(buy, nanos, ticks)| Fill {
        side: if buy { Side::Buy } else { Side::Sell },
        quantity: Decimal::new(nanos, 9) * Decimal::from(1_000),
        price: Decimal::new(ticks, 4),
    })
}

proptest! {
    #[test]
    fn shares_are_conserved_and_profit_is_cash_flow_plus_value(
        fills in prop::collection::vec(any_fill(), 0..40),
        mark in 0_i64..20_000_000,
    ) {
        let mark = Decimal::new(mark, 4);
        let seen: Vec<Trade> = trades(Position::default(), &fills).collect();
        let position = seen.last().map_or_else(Position::default, |trade| trade.after);

        let net: Decimal = fills.iter().map(|fill| fill.side.signed(fill.quantity)).sum();
        prop_assert_eq!(position.quantity(), net);

        let realised: Decimal = seen.iter().filter_map(|trade| trade.pnl).sum();
        let cash: Decimal = fills.iter().map(Fill::cash_flow).sum();
        prop_assert_eq!(realised + position.unrealised(mark), cash + position.market_value(mark));
        if position.is_flat() {
            prop_assert_eq!(position.cost(), Decimal::ZERO);
            prop_assert_eq!(realised, cash);
        }
    }

    #[test]
    fn a_reduction_leaves_the_average_as_it_was(
        quantity in 2_i64..1_000, part in 1_i64..1_000, entry in 1_i64..1_000_000, price in 1_i64..1_000_000,
    ) {
        prop_assume!(part < quantity);
        let held = Position::held(Decimal::from(quantity), Decimal::new(entry, 2));
        let sell = Fill { side: Side::Sell, quantity: Decimal::from(part), price: Decimal::new(price, 2) };
        let (rest, pnl) = held.after(&sell);
        let moved = rest.average_entry().zip(held.average_entry()).map(|(a, b)| (a - b).abs());
        prop_assert!(moved.is_some_and(|moved| moved < Decimal::new(1, 10)));
        let exact = Decimal::from(part) * Decimal::new(price - entry, 2);
        prop_assert!(pnl.is_some_and(|pnl| (pnl - exact).abs() < Decimal::new(1, 10)));
    }
}
