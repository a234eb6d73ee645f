//! What is read, what is refused, and by which word.

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::parse::LARGEST;
use super::*;

fn buy() -> Value {
    json!({
        "action": "buy", "confidence": 0.75, "reasoning": "it rises", "riskLevel": "medium",
        "suggestedQuantity": "0.05", "targetPrice": 110, "stopLoss": 95.5, "trailingStopPercent": null,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut proposal = buy();
    proposal[field] = value;
    proposal
}

fn without(field: &str) -> Value {
    let mut proposal = buy();
    proposal.as_object_mut().expect("it is an object").remove(field);
    proposal
}

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// Reads and judges at a price of 100.
fn judged(value: &Value) -> Result<Proposal, ProposalError> {
    let proposal = Proposal::parse(value)?;
    proposal.validate(Decimal::ONE_HUNDRED).map(|()| proposal)
}

#[test]
fn numbers_are_numbers_or_decimal_strings_and_null_is_absent() {
    let proposal = judged(&buy()).expect("it is sound");
    assert_eq!(proposal.confidence, dec("0.75"));
    assert_eq!(proposal.suggested_quantity, Some(dec("0.05")));
    assert_eq!(proposal.stop_loss, Some(dec("95.5")));
    assert_eq!(proposal.trailing_stop_percent, None);
    assert_eq!(judged(&without("trailingStopPercent")), Ok(proposal));
    let small = Proposal::parse(&with("confidence", json!(1e-7))).expect("an exponent is a number");
    assert_eq!(small.confidence, dec("0.0000001"));
}

#[test]
fn the_largest_number_is_what_its_message_says() {
    assert_eq!(LARGEST, dec("1000000000000000"));
}

#[test]
fn every_fault_has_a_field_a_code_and_the_value() {
    let sell = |field: &str, value: Value| {
        let mut proposal = with(field, value);
        proposal["action"] = json!("sell");
        proposal
    };
    let cases = [
        (json!([1]), "NOT_AN_OBJECT", "", "an array of 1"),
        (json!("buy"), "NOT_AN_OBJECT", "", "\"buy\""),
        (Value::Null, "NOT_AN_OBJECT", "", "null"),
        (with("leverage", json!(5)), "UNKNOWN_FIELD", "leverage", "leverage"),
        (without("action"), "FIELD_MISSING", "action", "action is missing"),
        (with("confidence", Value::Null), "FIELD_MISSING", "confidence", "confidence is missing"),
        (without("reasoning"), "FIELD_MISSING", "reasoning", "reasoning"),
        (without("riskLevel"), "FIELD_MISSING", "riskLevel", "riskLevel"),
        (with("action", json!("BUY")), "WRONG_TYPE", "action", "\"BUY\", must be buy, sell or hold"),
        (with("action", json!(1)), "WRONG_TYPE", "action", "is 1"),
        (with("riskLevel", json!("extreme")), "WRONG_TYPE", "riskLevel", "\"extreme\""),
        (with("reasoning", json!(["a"])), "WRONG_TYPE", "reasoning", "an array of 1"),
        (with("confidence", json!(true)), "WRONG_TYPE", "confidence", "is true"),
        (with("confidence", json!("high")), "WRONG_TYPE", "confidence", "\"high\""),
        (with("confidence", json!("1e-1")), "WRONG_TYPE", "confidence", "\"1e-1\""),
        (with("confidence", json!("1_0")), "WRONG_TYPE", "confidence", "\"1_0\""),
        (with("confidence", json!("")), "WRONG_TYPE", "confidence", "\"\""),
        (with("stopLoss", json!({})), "WRONG_TYPE", "stopLoss", "an object of 0 fields"),
        (with("stopLoss", json!(1e300)), "WRONG_TYPE", "stopLoss", "1e+300"),
        (
            with("targetPrice", json!(1_000_000_000_000_001_u64)),
            "WRONG_TYPE",
            "targetPrice",
            "1000000000000001",
        ),
        (with("confidence", json!(1.01)), "OUT_OF_RANGE", "confidence", "1.01, must be from 0 to 1"),
        (with("confidence", json!(-0.1)), "OUT_OF_RANGE", "confidence", "-0.1"),
        (with("suggestedQuantity", json!(5)), "OUT_OF_RANGE", "suggestedQuantity", "is 5"),
        (with("suggestedQuantity", json!(0.009)), "OUT_OF_RANGE", "suggestedQuantity", "0.009"),
        (with("trailingStopPercent", json!(0.4)), "OUT_OF_RANGE", "trailingStopPercent", "0.4"),
        (with("trailingStopPercent", json!(20.1)), "OUT_OF_RANGE", "trailingStopPercent", "20.1"),
        (without("suggestedQuantity"), "FIELD_MISSING", "suggestedQuantity", "missing"),
        (without("stopLoss"), "FIELD_MISSING", "stopLoss", "missing"),
        (without("targetPrice"), "FIELD_MISSING", "targetPrice", "missing"),
        (
            with("stopLoss", json!(100)),
            "WRONG_SIDE_OF_PRICE",
            "stopLoss",
            "100, must be above 50.00 and below 100",
        ),
        (with("stopLoss", json!(50)), "WRONG_SIDE_OF_PRICE", "stopLoss", "is 50"),
        (with("targetPrice", json!(100)), "WRONG_SIDE_OF_PRICE", "targetPrice", "above 100 and below 200"),
        (with("targetPrice", json!(200)), "WRONG_SIDE_OF_PRICE", "targetPrice", "is 200"),
        (sell("targetPrice", Value::Null), "WRONG_SIDE_OF_PRICE", "stopLoss", "95.5"),
        (sell("stopLoss", Value::Null), "WRONG_SIDE_OF_PRICE", "targetPrice", "110"),
        (with("action", json!("hold")), "NOT_ON_HOLD", "suggestedQuantity", "0.05"),
        (with("reasoning", json!(" \u{7}\u{200b}\n ")), "REASONING_LENGTH", "reasoning", "0 characters"),
        (with("reasoning", json!("x".repeat(2_001))), "REASONING_LENGTH", "reasoning", "2001 characters"),
    ];
    for (value, code, field, text) in cases {
        let error = judged(&value).expect_err(&value.to_string());
        assert_eq!((error.code(), error.field()), (code, field), "{value}: {error}");
        assert!(error.to_string().contains(text), "{error} does not say {text}");
    }
    let proposal = Proposal::parse(&buy()).expect("it is sound");
    for price in [Decimal::ZERO, -Decimal::ONE, Decimal::MAX] {
        assert_eq!(proposal.validate(price).expect_err("no price").code(), "PRICE_UNUSABLE");
    }
}

#[test]
fn the_bounds_belong_to_the_range() {
    for (field, value) in [
        ("confidence", json!(0)),
        ("confidence", json!(1)),
        ("suggestedQuantity", json!(0.01)),
        ("suggestedQuantity", json!("0.25")),
        ("trailingStopPercent", json!(0.5)),
        ("trailingStopPercent", json!(20)),
        ("stopLoss", json!(50.01)),
        ("stopLoss", json!(99.99)),
        ("targetPrice", json!(100.01)),
        ("targetPrice", json!(199.99)),
        ("reasoning", json!("é".repeat(2_000))),
    ] {
        let value = with(field, value);
        judged(&value).expect(field);
    }
}

#[test]
fn a_sell_and_a_hold_need_no_numbers() {
    for action in ["sell", "hold"] {
        let plain = json!({"action": action, "confidence": 1, "reasoning": "so", "riskLevel": "low"});
        judged(&plain).expect(action);
    }
    let mirrored = json!({
        "action": "sell", "confidence": 1, "reasoning": "so", "riskLevel": "low",
        "stopLoss": 110, "targetPrice": 90, "suggestedQuantity": 0.25,
    });
    judged(&mirrored).expect("the stop is above, the target below");
}

#[test]
fn the_reasoning_loses_what_nobody_sees() {
    let value = with("reasoning", json!("\u{1b}[31mbuy\u{202e}\r\nnow\u{0}\u{feff}"));
    assert_eq!(judged(&value).expect("it is sound").reasoning, "[31mbuy  now");
}

#[test]
fn the_schema_is_strict_and_has_the_fields_that_are_read() {
    let schema = json_schema();
    let properties = schema["properties"].as_object().expect("an object");
    let required: Vec<_> = schema["required"].as_array().expect("a list").iter().collect();
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(required.len(), properties.len());
    for name in required {
        let property = &properties[name.as_str().expect("a name")];
        assert!(property["type"].is_string() || property["type"][1] == "null", "{property}");
    }
    let proposal = serde_json::to_value(judged(&buy()).expect("it is sound")).expect("it is JSON");
    assert!(proposal.as_object().expect("an object").keys().eq(properties.keys()));
    assert_eq!(judged(&proposal), judged(&buy()), "what is written is read back");
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        (-50_i64..25_000).prop_map(|n| Value::from(Decimal::new(n, 2).to_string())),
        prop_oneof![Just("buy"), Just("sell"), Just("hold"), Just("low"), Just("high")].prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn what_passes_is_safe_to_act_on(
        changes in prop::collection::vec((0_usize..9, anything()), 0..6), cents in 1_i64..30_000,
    ) {
        let mut value = buy();
        for (field, change) in changes {
            let name = parse::FIELDS.get(field).copied().unwrap_or("other");
            value[name] = change;
        }
        let price = Decimal::new(cents, 2);
        if let Ok(proposal) = Proposal::parse(&value) && proposal.validate(price).is_ok() {
            prop_assert!(proposal.confidence >= Decimal::ZERO && proposal.confidence <= Decimal::ONE);
            prop_assert!(!proposal.reasoning.chars().any(char::is_control));
            let quantity = proposal.suggested_quantity;
            match proposal.action {
                Action::Buy => {
                    prop_assert!(proposal.stop_loss.is_some_and(|stop| stop < price && stop > Decimal::ZERO));
                    prop_assert!(proposal.target_price.is_some_and(|target| target > price));
                    prop_assert!(quantity.is_some_and(|q| q > Decimal::ZERO && q <= dec("0.25")));
                }
                Action::Sell => prop_assert!(quantity.is_none_or(|q| q > Decimal::ZERO && q <= dec("0.25"))),
                Action::Hold => prop_assert_eq!(quantity, None),
            }
            let again = serde_json::to_value(&proposal).expect("it is JSON");
            prop_assert_eq!(Proposal::parse(&again), Ok(proposal));
        }
    }
}
