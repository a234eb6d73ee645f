//! Sizes at their limits, and what an order is worth.

use super::*;

#[test]
fn positions_are_counted_with_those_being_entered() {
    let many = |held: usize, entered: usize| {
        with(|v| {
            v.positions = Some((0..held).map(|n| holding(&format!("H{n}"), "1")).collect());
            v.open_orders = (0..entered).map(|n| open(&format!("E{n}"), Side::Buy, "1", false)).collect();
        })
    };
    let held_too = |held: usize| {
        let mut view = many(held, 0);
        view.positions.as_mut().expect("positions").push(holding("AAPL", "1"));
        view
    };
    expect(&[
        (buy("1"), many(5, 4), None, "the tenth"),
        (buy("1"), many(5, 5), Some(Rule::MaxPositions), "the eleventh"),
        (buy("1"), held_too(10), None, "one that is held"),
    ]);
}

#[test]
fn sizes_end_at_their_limits() {
    let limits = |limits: Limits| with(|v| v.limits = limits);
    let of_order = |most: &str| Limits { max_notional: Some(d(most)), ..Limits::default() };
    let of_all = |percent: &str| Limits { max_exposure_percent: d(percent), ..Limits::default() };
    let others = |value: &str| {
        with(|v| {
            v.positions = Some(vec![Holding { market_value: d(value), ..holding("MSFT", "-1") }]);
        })
    };
    expect(&[
        (limit_buy("10", "100"), limits(of_order("1000")), None, "order at its limit"),
        (limit_buy("10", "100.01"), limits(of_order("1000")), Some(Rule::MaxNotional), "order over it"),
        (buy("10"), limits(of_order("1039.99")), Some(Rule::MaxNotional), "a market buy may cost 4 % more"),
        (buy("10"), limits(of_order("1040")), None, "and that is all"),
        (limit_buy("100", "100"), view(), None, "position at 10 %"),
        (limit_buy("100", "100.01"), view(), Some(Rule::MaxPosition), "position over it"),
        (limit_buy("50", "100"), holding_view("50"), None, "with what is held"),
        (limit_buy("51", "100"), holding_view("50"), Some(Rule::MaxPosition), "over with it"),
        (
            limit_buy("51", "100"),
            with(|v| v.open_orders = vec![open("AAPL", Side::Buy, "50", false)]),
            Some(Rule::MaxPosition),
            "over with what is being bought",
        ),
        (limit_buy("50", "100"), limits(of_all("5")), None, "all at 5 %"),
        (limit_buy("51", "100"), limits(of_all("5")), Some(Rule::MaxExposure), "all over it"),
        (limit_buy("100", "100"), others("-40000"), None, "short positions count as much"),
        (limit_buy("100", "100"), others("-40000.01"), Some(Rule::MaxExposure), "over with them"),
        (sell("500"), RiskView { limits: of_order("1"), ..holding_view("500") }, None, "an exit of any size"),
    ]);
}

#[test]
fn the_worst_price_counts() {
    let stop = |side, price: &str| OrderRequest {
        order_type: OrderType::Stop,
        stop_price: Some(d(price)),
        ..OrderRequest::market("AAPL", side, units("1"))
    };
    let trailing = |trail| OrderRequest {
        order_type: OrderType::TrailingStop,
        trail: Some(trail),
        ..OrderRequest::market("AAPL", Side::Buy, units("1"))
    };
    let cases = [
        (buy("1"), Some("104")),
        (sell("1"), Some("103")),
        (limit_buy("2", "99"), Some("198")),
        (stop(Side::Buy, "49.99"), Some("51.9896")),
        (stop(Side::Buy, "50"), Some("51.25")),
        (stop(Side::Sell, "120"), Some("120")),
        (trailing(Trail::Price(d("10"))), Some("114.4")),
        (trailing(Trail::Percent(d("10"))), Some("114.4")),
    ];
    for (order, value) in cases {
        assert_eq!(order_value(&order, Some(d("100"))), value.map(d), "{order:?}");
    }
    assert_eq!(order_value(&buy("1"), None), None);
    assert_eq!(order_value(&limit_buy("2", "99"), None), Some(d("198")));
}

#[test]
fn a_refusal_serialises_with_its_rule_and_numbers() {
    let verdict = check(&limit_buy("101", "100"), Stage::Acceptance, &view());
    let refusal = serde_json::to_value(verdict.refusal()).expect("a refusal serialises");
    assert_eq!(
        refusal,
        serde_json::json!({
            "rule": "max_position",
            "message": "AAPL would be worth up to $10100.00, of $10000.00 allowed (10 % of $100000.00)",
            "limit": "10000",
            "actual": "10100",
        })
    );
}
