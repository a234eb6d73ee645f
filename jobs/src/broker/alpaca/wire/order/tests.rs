//! Orders read strictly, and nothing that a provider may say ends the process.

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::*;

/// The documented example.
fn example() -> Value {
    json!({
        "id": "5b0d3a0e-6c11-4f0e-9b8f-1f4f5f0f7a11", "client_order_id": "job-17-aapl-1",
        "created_at": "2026-03-02T15:04:05.123456789Z", "updated_at": "2026-03-02T15:04:05.123999Z",
        "submitted_at": "2026-03-02T15:04:05.12Z", "filled_at": null, "expired_at": null,
        "canceled_at": null, "failed_at": null, "replaced_at": null, "replaced_by": null,
        "replaces": null, "asset_id": "0c0e2a9e-1f0a-5a9c-8a55-0c5a7c1d2b3e", "symbol": "AAPL",
        "asset_class": "us_equity", "notional": null, "qty": "10", "filled_qty": "0",
        "filled_avg_price": null, "order_class": "", "order_type": "limit", "type": "limit",
        "side": "buy", "time_in_force": "day", "limit_price": "187.5", "stop_price": null,
        "status": "accepted", "extended_hours": false, "legs": null, "trail_percent": null,
        "trail_price": null, "hwm": null
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut order = example();
    order[field] = value;
    order
}

#[test]
fn the_documented_example_reads_and_its_raw_form_is_what_came() {
    let read = order(example()).expect("the documented example is an order");
    assert_eq!(read.raw, example());
    assert_eq!((read.status, read.class), (OrderStatus::Accepted, OrderClass::Simple));
    assert_eq!((read.qty, read.notional, read.filled_qty), (Some(Decimal::TEN), None, Decimal::ZERO));
    assert_eq!(read.limit_price.expect("a limit").to_string(), "187.5");
    assert_eq!(read.created_at.to_rfc3339(), "2026-03-02T15:04:05.123456789+00:00");
    assert_eq!(order(read.raw.clone()).expect("the raw form reads again"), read);
}

#[test]
fn an_order_whose_parts_do_not_fit_is_refused() {
    for (field, value) in [
        ("id", json!("")),
        ("id", json!(5)),
        ("qty", json!(10)),
        ("qty", json!(10.5)),
        ("qty", json!("ten")),
        ("qty", json!("-1")),
        ("filled_qty", json!(null)),
        ("filled_qty", json!("-1")),
        ("filled_qty", json!("11")),
        ("status", json!("halted")),
        ("status", json!("submitting")),
        ("status", json!("brand_new")),
        ("side", json!("BUY")),
        ("type", json!(null)),
        ("order_class", json!("mleg")),
        ("created_at", json!("yesterday")),
        ("updated_at", json!(1_772_463_845)),
        ("legs", json!({})),
        ("legs", json!([{}])),
        ("extended_hours", json!("no")),
    ] {
        let error = order(with(field, value.clone())).expect_err(&format!("{field} = {value}"));
        assert!(matches!(error, BrokerError::Malformed { .. }), "{error}");
    }
    for missing in ["id", "client_order_id", "status", "symbol", "side", "filled_qty", "created_at"] {
        let mut cut = example();
        cut.as_object_mut().expect("an object").remove(missing);
        order(cut).expect_err(missing);
    }
}

#[test]
fn fields_that_nobody_knows_are_kept_in_the_raw_form_only() {
    let read = order(with("brand_new_field", json!({"a": [1, 2]}))).expect("unknown fields are allowed");
    assert_eq!(read.raw["brand_new_field"], json!({"a": [1, 2]}));
}

#[test]
fn an_event_carries_its_order() {
    let fill = json!({"event": "fill", "execution_id": "9d0c6f6e", "order": with("status", json!("filled")),
        "timestamp": "2026-03-02T15:04:06.5Z", "price": "187.5", "qty": "10", "position_qty": "-10"});
    let event = trade_event(fill).expect("an event");
    assert_eq!((event.kind, event.position_qty), (TradeEventKind::Fill, Some(Decimal::from(-10))));
    let odd = json!({"event": "restated", "order": example(), "timestamp": "2026-03-02T15:04:06Z"});
    let event = trade_event(odd).expect("a rare event");
    assert_eq!(event.kind, TradeEventKind::Other("restated".into()));
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "-?[0-9]{0,40}(\\.[0-9]{0,40})?".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_change_of_an_order_is_read_or_refused_and_never_panics(
        index in any::<prop::sample::Index>(),
        value in anything(),
    ) {
        let fields: Vec<String> = example().as_object().expect("an object").keys().cloned().collect();
        let changed = with(&fields[index.index(fields.len())], value);
        if let Ok(read) = order(changed.clone()) {
            prop_assert_eq!(&read.raw, &changed);
            prop_assert!(read.filled_qty >= Decimal::ZERO && !read.id.is_empty());
        }
        let event = json!({"event": "fill", "timestamp": "2026-03-02T15:04:06Z", "order": changed});
        let _ = trade_event(event);
    }

    #[test]
    fn any_text_is_read_or_refused_and_never_panics(text in "\\PC{0,200}", cut in any::<prop::sample::Index>()) {
        let example = example().to_string();
        let cut = cut.index(example.len());
        let mixed = format!("{}{text}", example.get(..cut).unwrap_or_default());
        let _ = serde_json::from_str::<Value>(&mixed).map(order);
        let _ = super::super::latest_price(&text);
        let _ = super::super::latest_quote(&mixed);
    }
}
