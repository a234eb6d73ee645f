//! What clients should not send.

use serde_json::json;

use super::*;

#[test]
fn bad_input_is_refused_with_code_and_field() {
    let limit = |more: Value| {
        let mut whole = json!({"type": "limit", "limit_price": 100});
        whole.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        whole
    };
    let bracket = |target: Value, stop: Value| {
        limit(json!({"order_class": "bracket", "take_profit": target, "stop_loss": stop}))
    };
    let cases = [
        (json!({"symbol": null}), "ORDER_SYMBOL_REQUIRED", "symbol"),
        (json!({"symbol": " "}), "ORDER_SYMBOL_REQUIRED", "symbol"),
        (json!({"symbol": 7}), "ORDER_SYMBOL_INVALID", "symbol"),
        (json!({"symbol": "BTC/USD"}), "ORDER_SYMBOL_INVALID", "symbol"),
        (json!({"symbol": ".A"}), "ORDER_SYMBOL_INVALID", "symbol"),
        (json!({"symbol": "ABCDEFGHIJK"}), "ORDER_SYMBOL_INVALID", "symbol"),
        (json!({"symbol": "É"}), "ORDER_SYMBOL_INVALID", "symbol"),
        (json!({"side": null}), "ORDER_SIDE_REQUIRED", "side"),
        (json!({"side": "hold"}), "ORDER_SIDE_INVALID", "side"),
        (json!({"side": ["buy"]}), "ORDER_SIDE_INVALID", "side"),
        (json!({"type": "iceberg"}), "ORDER_TYPE_INVALID", "type"),
        (json!({"orderType": 1}), "ORDER_TYPE_INVALID", "orderType"),
        (json!({"timeInForce": "gtd"}), "ORDER_TIME_IN_FORCE_INVALID", "timeInForce"),
        (json!({"order_class": "mleg"}), "ORDER_CLASS_INVALID", "order_class"),
        (json!({"qty": null}), "ORDER_AMOUNT_REQUIRED", "qty"),
        (json!({"notional": 5}), "ORDER_AMOUNT_AMBIGUOUS", "qty"),
        (json!({"qty": 0}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": -1}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "-0"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "NaN"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "inf"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "1_000"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "1,000"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "1e400"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "1e-400"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": 1e300}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": true}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "0.0000000001"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": "1000000000.1"}), "ORDER_QTY_INVALID", "qty"),
        (json!({"qty": null, "quantity": "x"}), "ORDER_QTY_INVALID", "quantity"),
        (json!({"qty": null, "notional": "0.99"}), "ORDER_NOTIONAL_INVALID", "notional"),
        (json!({"qty": null, "notional": 1e12}), "ORDER_NOTIONAL_INVALID", "notional"),
        (json!({"quantity": 11}), "ORDER_FIELD_CONFLICT", "qty"),
        (limit(json!({"limitPrice": 101})), "ORDER_FIELD_CONFLICT", "limit_price"),
        (json!({"type": "limit", "orderType": "stop"}), "ORDER_FIELD_CONFLICT", "type"),
        (json!({"type": "limit"}), "ORDER_LIMIT_PRICE_REQUIRED", "limit_price"),
        (json!({"limitPrice": 5}), "ORDER_LIMIT_PRICE_UNEXPECTED", "limitPrice"),
        (json!({"type": "limit", "limitPrice": 0}), "ORDER_LIMIT_PRICE_INVALID", "limitPrice"),
        (json!({"type": "limit", "limitPrice": "abc"}), "ORDER_LIMIT_PRICE_INVALID", "limitPrice"),
        (json!({"type": "limit", "limitPrice": 10_000_000.01}), "ORDER_LIMIT_PRICE_INVALID", "limitPrice"),
        (json!({"type": "limit", "limitPrice": 1.001}), "ORDER_PRICE_TICK", "limitPrice"),
        (json!({"type": "limit", "limitPrice": "0.00001"}), "ORDER_PRICE_TICK", "limitPrice"),
        (json!({"type": "stop"}), "ORDER_STOP_PRICE_REQUIRED", "stop_price"),
        (limit(json!({"stopPrice": 5})), "ORDER_STOP_PRICE_UNEXPECTED", "stopPrice"),
        (json!({"type": "stop", "stopPrice": -5}), "ORDER_STOP_PRICE_INVALID", "stopPrice"),
        (json!({"type": "stop_limit", "stop_price": 5}), "ORDER_LIMIT_PRICE_REQUIRED", "limit_price"),
        (json!({"type": "trailing_stop"}), "ORDER_TRAIL_REQUIRED", "trail_price"),
        (json!({"trailPercent": 5}), "ORDER_TRAIL_UNEXPECTED", "trailPercent"),
        (json!({"type": "trailing_stop", "trail_percent": 100}), "ORDER_TRAIL_INVALID", "trail_percent"),
        (json!({"type": "trailing_stop", "trail_price": "x"}), "ORDER_TRAIL_INVALID", "trail_price"),
        (
            json!({"type": "trailing_stop", "trail_percent": 5, "trailPrice": 1}),
            "ORDER_TRAIL_AMBIGUOUS",
            "trailPrice",
        ),
        (json!({"extendedHours": "yes"}), "ORDER_EXTENDED_HOURS_INVALID", "extendedHours"),
        (json!({"extendedHours": true}), "ORDER_EXTENDED_HOURS_UNSUPPORTED", "extendedHours"),
        (
            limit(json!({"extended_hours": true, "time_in_force": "ioc"})),
            "ORDER_EXTENDED_HOURS_UNSUPPORTED",
            "extended_hours",
        ),
        (limit(json!({"extended_hours": true, "qty": 1.5})), "ORDER_FRACTION_UNSUPPORTED", "qty"),
        (json!({"qty": 1.5, "timeInForce": "gtc"}), "ORDER_FRACTION_UNSUPPORTED", "qty"),
        (
            json!({"qty": null, "notional": 50, "timeInForce": "opg"}),
            "ORDER_FRACTION_UNSUPPORTED",
            "notional",
        ),
        (
            json!({"qty": 0.5, "type": "trailing_stop", "trail_percent": 5}),
            "ORDER_FRACTION_UNSUPPORTED",
            "qty",
        ),
        (
            json!({"type": "stop", "stop_price": 5, "timeInForce": "cls"}),
            "ORDER_TIME_IN_FORCE_UNSUPPORTED",
            "timeInForce",
        ),
        (
            json!({"type": "trailing_stop", "trail_percent": 5, "timeInForce": "fok"}),
            "ORDER_TIME_IN_FORCE_UNSUPPORTED",
            "timeInForce",
        ),
        (json!({"take_profit": {"limit_price": 5}}), "ORDER_LEGS_UNEXPECTED", "take_profit"),
        (json!({"stopLoss": {"stopPrice": 5}}), "ORDER_LEGS_UNEXPECTED", "stopLoss"),
        (json!({"take_profit": 5}), "ORDER_TAKE_PROFIT_INVALID", "take_profit"),
        (json!({"stopLoss": {}}), "ORDER_STOP_LOSS_INVALID", "stopLoss.stop_price"),
        (json!({"stopLoss": {"stopPrice": "x"}}), "ORDER_STOP_LOSS_INVALID", "stopLoss.stopPrice"),
        (bracket(Value::Null, json!({"stop_price": 95})), "ORDER_LEGS_REQUIRED", "take_profit"),
        (bracket(json!({"limit_price": 110}), Value::Null), "ORDER_LEGS_REQUIRED", "stop_loss"),
        (
            bracket(json!({"limit_price": 100}), json!({"stop_price": 95})),
            "ORDER_LEGS_CROSSED",
            "take_profit.limit_price",
        ),
        (
            bracket(json!({"limitPrice": 110}), json!({"stopPrice": 100})),
            "ORDER_LEGS_CROSSED",
            "stop_loss.stopPrice",
        ),
        (
            bracket(json!({"limit_price": 110}), json!({"stop_price": 95, "limit_price": 96})),
            "ORDER_LEGS_CROSSED",
            "stop_loss.limit_price",
        ),
        (
            bracket(json!({"limit_price": "110.001"}), json!({"stop_price": 95})),
            "ORDER_PRICE_TICK",
            "take_profit.limit_price",
        ),
        (
            json!({"order_class": "bracket", "take_profit": {"limit_price": 90}, "stop_loss": {"stop_price": 95}}),
            "ORDER_LEGS_CROSSED",
            "stop_loss.stop_price",
        ),
        (limit(json!({"orderClass": "oto"})), "ORDER_LEGS_REQUIRED", "take_profit"),
        (
            limit(
                json!({"orderClass": "oto", "takeProfit": {"limitPrice": 110}, "stopLoss": {"stopPrice": 90}}),
            ),
            "ORDER_LEGS_UNEXPECTED",
            "stopLoss",
        ),
        (
            json!({"orderClass": "oco", "takeProfit": {"limitPrice": 110}, "stopLoss": {"stopPrice": 90}}),
            "ORDER_CLASS_UNSUPPORTED",
            "orderClass",
        ),
        (
            json!({
                "side": "buy", "type": "limit", "orderClass": "oco", "takeProfit": {"limitPrice": 110},
                "stopLoss": {"stopPrice": 90},
            }),
            "ORDER_LEGS_CROSSED",
            "stopLoss.stopPrice",
        ),
        (
            json!({
                "side": "sell", "type": "limit", "limitPrice": 111, "orderClass": "oco",
                "takeProfit": {"limitPrice": 110}, "stopLoss": {"stopPrice": 90},
            }),
            "ORDER_LEGS_CROSSED",
            "limitPrice",
        ),
    ];
    for (more, code, field) in cases {
        let body = body(&more);
        let error = OrderRequest::decode(&body).expect_err(&format!("{body} is refused"));
        assert_eq!((error.code(), error.field()), (code, field), "{body}: {error}");
        let text = error.to_string();
        assert!(text.contains(field.split('.').next().unwrap_or_default()), "{text} names {field}");
    }
    let error = OrderRequest::decode(&json!([])).expect_err("an array is no order");
    assert_eq!(error.code(), "BODY_NOT_AN_OBJECT");
}

#[test]
fn a_refusal_is_a_sentence_with_field_and_value() {
    let cases = [
        (json!({"quantity": -3, "qty": null}), "quantity is -3, must be above 0"),
        (json!({"qty": "x"}), "qty is \"x\", must be a decimal number"),
        (json!({"side": "hold"}), "side is \"hold\", must be one of buy, sell"),
        (json!({"qty": null}), "qty or notional is required"),
        (json!({"quantity": 11}), "qty is 10, but quantity is 11"),
        (json!({"type": "limit", "limitPrice": 1.005}), "limitPrice is 1.005, must have at most 2 decimals"),
    ];
    for (more, message) in cases {
        assert_eq!(OrderRequest::decode(&body(&more)).expect_err("refused").to_string(), message);
    }
}
