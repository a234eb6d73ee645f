//! Both families of words, and each mistake with its code and its field.

use serde_json::{Value, json};

use super::*;

mod anything;
mod refusals;

fn d(text: &str) -> Decimal {
    text.parse().expect("a number of this test is valid")
}

/// Returns a small valid body with the fields of `more` put over it.
fn body(more: &Value) -> Value {
    let mut body = json!({"symbol": "AAPL", "side": "buy", "qty": 10});
    for (key, value) in more.as_object().expect("an object of this test") {
        body[key] = value.clone();
    }
    body
}

fn decoded(more: &Value) -> OrderRequest {
    let body = body(more);
    OrderRequest::decode(&body).unwrap_or_else(|error| panic!("{body} is refused: {error}"))
}

#[test]
fn the_least_is_symbol_side_and_size() {
    assert_eq!(
        decoded(&json!({"symbol": " aapl "})),
        OrderRequest::market("AAPL", Side::Buy, Amount::Units(d("10")))
    );
    let money = json!({"symbol": "BRK.B", "side": "SELL", "notional": "250.50"});
    assert_eq!(
        OrderRequest::decode(&money),
        Ok(OrderRequest::market("BRK.B", Side::Sell, Amount::Notional(d("250.5"))))
    );
}

#[test]
fn clients_and_broker_mean_the_same_in_different_words() {
    let clients = json!({
        "symbol": "AAPL", "side": "buy", "quantity": "10", "orderType": "limit", "limitPrice": 187.5,
        "timeInForce": "gtc", "extendedHours": true, "orderClass": "simple",
    });
    let brokers = json!({
        "symbol": "AAPL", "side": "buy", "qty": 10.0, "type": "limit", "limit_price": "187.50",
        "time_in_force": "gtc", "extended_hours": true, "order_class": "",
    });
    let one = OrderRequest::decode(&clients).expect("the clients' words are known");
    assert_eq!(Ok(one.clone()), OrderRequest::decode(&brokers));
    assert_eq!(one.limit_price, Some(d("187.5")));
    assert!(one.extended_hours && one.time_in_force == TimeInForce::Gtc);
}

#[test]
fn null_and_blank_are_absent_and_unknown_keys_are_ignored() {
    let plain = decoded(&json!({}));
    for more in [
        json!({"limitPrice": null, "stop_price": "", "notional": " ", "take_profit": null}),
        json!({"strategyId": "s-1", "notes": "x", "client_order_id": "mine"}),
        json!({"quantity": "10.0", "qty": 10}),
    ] {
        assert_eq!(decoded(&more), plain, "{more}");
    }
}

#[test]
fn numbers_are_taken_as_they_are_written() {
    for (given, expected) in [
        (json!(0.1), "0.1"),
        (json!("1e2"), "100"),
        (json!("2.5E-3"), "0.0025"),
        (json!("+3"), "3"),
        (json!("0.000000001"), "0.000000001"),
        (json!(1e9), "1000000000"),
    ] {
        assert_eq!(decoded(&json!({"qty": given})).amount, Amount::Units(d(expected)), "{given}");
    }
}

#[test]
fn the_broker_form_of_a_bracket_is_complete() {
    let order = decoded(&json!({
        "type": "limit", "limit_price": 100, "orderClass": "bracket", "time_in_force": "gtc",
        "takeProfit": {"limitPrice": "110"}, "stopLoss": {"stopPrice": 95, "limitPrice": 94.5},
    }));
    assert_eq!(
        order.to_broker_json(),
        json!({
            "symbol": "AAPL", "side": "buy", "qty": "10", "type": "limit", "time_in_force": "gtc",
            "limit_price": "100", "extended_hours": false, "order_class": "bracket",
            "take_profit": {"limit_price": "110"}, "stop_loss": {"stop_price": "95", "limit_price": "94.5"},
        })
    );
}

#[test]
fn the_limit_price_of_an_oco_is_its_take_profit() {
    let order = decoded(&json!({
        "side": "sell", "type": "limit", "order_class": "oco",
        "take_profit": {"limit_price": "110"}, "stop_loss": {"stop_price": "95"},
    }));
    assert_eq!(order.limit_price, Some(d("110")));
    assert_eq!(order.to_broker_json().get("limit_price"), None);
    assert_eq!(OrderRequest::decode(&order.to_broker_json()), Ok(order));
}
