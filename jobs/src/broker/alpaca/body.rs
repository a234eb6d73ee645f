//! Orders and changes, as Alpaca takes them. Amounts go out as strings, with all their digits.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::super::{PlaceOrder, ReplaceOrder};

pub(super) fn place(order: &PlaceOrder) -> Value {
    let mut body = order.request.to_broker_json();
    body["client_order_id"] = json!(order.client_order_id);
    body
}

pub(super) fn replace(change: &ReplaceOrder) -> Value {
    let ReplaceOrder { client_order_id, qty, time_in_force, limit_price, stop_price, trail } = change;
    let amounts = [("qty", qty), ("limit_price", limit_price), ("stop_price", stop_price), ("trail", trail)];
    let mut body: Map<String, Value> = amounts
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), digits((*amount)?))))
        .collect();
    body.extend(client_order_id.as_ref().map(|id| ("client_order_id".to_owned(), json!(id))));
    body.extend(time_in_force.map(|word| ("time_in_force".to_owned(), json!(word.as_str()))));
    Value::Object(body)
}

fn digits(amount: Decimal) -> Value {
    Value::String(amount.normalize().to_string())
}
