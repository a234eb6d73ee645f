//! Matching by table.

use rust_decimal::Decimal;

use super::*;
use crate::exchange::stub::{dec, resting};

fn quote(bid: &str, ask: &str, last: &str) -> Quote {
    Quote { bid: dec(bid), ask: dec(ask), last: dec(last) }
}

#[test]
fn an_order_fills_at_the_touch_when_its_limit_allows() {
    let market = quote("99.98", "100.02", "100");
    let cases = [
        (OrderType::Market, Side::Buy, None, None, Some("100.02")),
        (OrderType::Market, Side::Sell, None, None, Some("99.98")),
        (OrderType::Limit, Side::Buy, Some("100.02"), None, Some("100.02")),
        (OrderType::Limit, Side::Buy, Some("105"), None, Some("100.02")),
        (OrderType::Limit, Side::Buy, Some("100.01"), None, None),
        (OrderType::Limit, Side::Sell, Some("99.98"), None, Some("99.98")),
        (OrderType::Limit, Side::Sell, Some("99.99"), None, None),
        (OrderType::Stop, Side::Sell, None, Some("99.99"), None),
        (OrderType::Stop, Side::Sell, None, Some("100"), Some("99.98")),
        (OrderType::Stop, Side::Buy, None, Some("100"), Some("100.02")),
        (OrderType::Stop, Side::Buy, None, Some("100.01"), None),
        (OrderType::StopLimit, Side::Buy, Some("100.01"), Some("99"), None),
        (OrderType::StopLimit, Side::Buy, Some("101"), Some("99"), Some("100.02")),
        (OrderType::StopLimit, Side::Sell, Some("99"), Some("101"), Some("99.98")),
        (OrderType::StopLimit, Side::Sell, Some("99"), Some("98"), None),
    ];
    for (order_type, side, limit, stop, expected) in cases {
        let order = Order {
            order_type,
            side,
            limit_price: limit.map(dec),
            stop_price: stop.map(dec),
            ..resting(side)
        };
        let outcome = look(&order, &market);
        assert_eq!(outcome.price, expected.map(dec), "{order_type:?} {side:?} limit {limit:?} stop {stop:?}");
    }
}

#[test]
fn a_buy_stop_pays_no_more_than_its_slippage_limit() {
    for (stop, ask, fills) in
        [("40", "41.60", true), ("40", "41.61", false), ("100", "102.50", true), ("100", "102.51", false)]
    {
        let order = Order { order_type: OrderType::Stop, stop_price: Some(dec(stop)), ..resting(Side::Buy) };
        let outcome = look(&order, &Quote { bid: dec(ask), ask: dec(ask), last: dec(ask) });
        assert!(outcome.triggered);
        assert_eq!(outcome.price.is_some(), fills, "stop {stop} ask {ask}");
    }
}

#[test]
fn a_trailing_stop_follows_the_best_price_and_never_turns_back() {
    let mut order =
        Order { order_type: OrderType::TrailingStop, trail_percent: Some(dec("10")), ..resting(Side::Sell) };
    for (last, hwm, stop, filled) in [
        ("100", "100", "90", false),
        ("120", "120", "108", false),
        ("110", "120", "108", false),
        ("108", "120", "108", true),
    ] {
        let outcome = look(&order, &quote(last, last, last));
        assert_eq!((outcome.hwm, outcome.stop_price), (Some(dec(hwm)), Some(dec(stop))), "at {last}");
        assert_eq!(outcome.price.is_some(), filled, "at {last}");
        order.hwm = outcome.hwm;
        order.stop_price = outcome.stop_price;
    }
}

#[test]
fn a_triggered_stop_stays_triggered() {
    let order = Order {
        order_type: OrderType::StopLimit,
        limit_price: Some(dec("99")),
        stop_price: Some(dec("98")),
        triggered: true,
        ..resting(Side::Sell)
    };
    assert_eq!(look(&order, &quote("98", "98", "98")).price, None);
    assert_eq!(look(&order, &quote("99.5", "99.6", "99.6")).price, Some(dec("99.5")));
}

#[test]
fn an_auction_fills_at_its_price_or_not_at_all() {
    let limit = |price: Option<&str>| Order { limit_price: price.map(dec), ..resting(Side::Buy) };
    assert_eq!(auction(&limit(None), dec("10")), Some(Decimal::TEN));
    assert_eq!(auction(&limit(Some("10")), dec("10")), Some(Decimal::TEN));
    assert_eq!(auction(&limit(Some("9.99")), dec("10")), None);
}
