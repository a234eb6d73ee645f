//! Whatever JSON is sent, decoding ends, and what it accepts is valid and reads back.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const KEYS: [&str; 22] = [
    "symbol",
    "side",
    "qty",
    "quantity",
    "notional",
    "type",
    "orderType",
    "time_in_force",
    "timeInForce",
    "limit_price",
    "limitPrice",
    "stop_price",
    "stopPrice",
    "trail_price",
    "trailPercent",
    "extended_hours",
    "extendedHours",
    "order_class",
    "take_profit",
    "takeProfit",
    "stop_loss",
    "stopLoss",
];
const WORDS: [&str; 26] = [
    "AAPL",
    "brk.b",
    "buy",
    "sell",
    "market",
    "limit",
    "stop",
    "stop_limit",
    "trailing_stop",
    "day",
    "gtc",
    "opg",
    "ioc",
    "bracket",
    "oto",
    "oco",
    "simple",
    "true",
    "1e9",
    "1e-9",
    "-1",
    "NaN",
    "0.1",
    "99999999999999999999999999999",
    "1e308",
    "",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (1_u32..20_000).prop_map(|cents| Value::from(f64::from(cents) / 100.0)),
        (0_u8..100).prop_map(Value::from),
        prop::sample::select(&WORDS[..]).prop_map(Value::from),
        "[-+0-9.eE_]{0,12}".prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 48, 10, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 0..14)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

/// A body that is mostly valid: the prices that type and class need, in one case of eight others.
fn likely() -> impl Strategy<Value = Value> {
    let price = || (1_u32..2_000).prop_map(|dimes| f64::from(dimes) / 10.0);
    let word = |words: &'static [&'static str]| prop::sample::select(words);
    (
        word(&["buy", "sell"]),
        prop_oneof![(1_u32..500).prop_map(f64::from), (8_u32..500).prop_map(|n| f64::from(n) / 8.0)],
        any::<bool>(),
        word(&["market", "limit", "stop", "stop_limit", "trailing_stop"]),
        word(&["day", "day", "gtc", "opg", "ioc"]),
        word(&["simple", "simple", "bracket", "oto", "oco"]),
        (price(), price(), 1_u32..99, price(), price()),
        (any::<bool>(), 0_u8..8),
    )
        .prop_map(
            |(side, size, units, kind, tif, class, (limit, stop, trail, target, loss), (extended, odd))| {
                let odd = odd == 0;
                let mut body = json!({
                    "symbol": "AAPL", "side": side, "type": kind, "time_in_force": tif, "order_class": class,
                    "extended_hours": extended && kind == "limit",
                });
                body[if units { "qty" } else { "notional" }] = json!(size);
                if odd || (kind.contains("limit") && class != "oco") {
                    body["limitPrice"] = json!(limit);
                }
                if odd || matches!(kind, "stop" | "stop_limit") {
                    body["stop_price"] = json!(stop);
                }
                if odd || kind == "trailing_stop" {
                    body["trail_percent"] = json!(trail);
                }
                if odd || class != "simple" {
                    body["take_profit"] = json!({"limit_price": target});
                }
                if odd || matches!(class, "bracket" | "oco") {
                    body["stopLoss"] = json!({"stopPrice": loss});
                }
                body
            },
        )
}

#[test]
fn enough_of_the_likely_bodies_are_accepted_to_mean_something() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut runner = TestRunner::deterministic();
    let mut classes = std::collections::BTreeMap::new();
    for _ in 0..2_000 {
        let tree = likely().new_tree(&mut runner).expect("a body is generated");
        if let Ok(order) = OrderRequest::decode(&tree.current()) {
            *classes.entry(order.class.as_str()).or_insert(0) += 1;
        }
    }
    assert!(OrderClass::ALL.iter().all(|class| classes.get(class.as_str()) > Some(&4)), "{classes:?}");
}

/// What every accepted order has in common.
fn sane(order: &OrderRequest) -> Result<(), TestCaseError> {
    let (size, most) = match order.amount {
        Amount::Units(units) => (units, MAX_QTY),
        Amount::Notional(money) => (money, MAX_NOTIONAL),
    };
    prop_assert!(size > Decimal::ZERO && size <= most && size.normalize().scale() <= 9);
    let legs = order.stop_loss.map(|leg| leg.stop_price);
    for price in [order.limit_price, order.stop_price, order.take_profit, legs].into_iter().flatten() {
        prop_assert!(price > Decimal::ZERO && price <= MAX_PRICE && price.normalize().scale() <= 4);
    }
    prop_assert_eq!(
        order.limit_price.is_some(),
        matches!(order.order_type, OrderType::Limit | OrderType::StopLimit)
    );
    prop_assert_eq!(
        order.stop_price.is_some(),
        matches!(order.order_type, OrderType::Stop | OrderType::StopLimit)
    );
    prop_assert_eq!(order.trail.is_some(), order.order_type == OrderType::TrailingStop);
    let legs = u8::from(order.take_profit.is_some()) + u8::from(order.stop_loss.is_some());
    prop_assert_eq!(
        legs,
        match order.class {
            OrderClass::Simple => 0,
            OrderClass::Oto => 1,
            OrderClass::Bracket | OrderClass::Oco => 2,
        }
    );
    prop_assert!(order.validate().is_ok());
    prop_assert_eq!(OrderRequest::decode(&order.to_broker_json()), Ok(order.clone()));
    Ok(())
}

fn judged(whole: &Value) -> Result<(), TestCaseError> {
    match OrderRequest::decode(whole) {
        Ok(order) => sane(&order),
        Err(error) => {
            prop_assert!(!error.code().is_empty() && !error.to_string().is_empty());
            Ok(())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn decoding_never_panics_and_what_it_accepts_is_sane(more in anything(), over: bool) {
        judged(&if over && more.is_object() { body(&more) } else { more })?;
    }

    #[test]
    fn whatever_is_accepted_reads_back_from_the_broker_form(whole in likely()) {
        judged(&whole)?;
    }
}
