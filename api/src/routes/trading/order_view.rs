//! An order as clients read it: as a row, as a mapped view, and in the broker's own shape.

use jobs::db::orders::Order;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    amount::{number, text},
    source::Source,
};
use crate::timestamp;

/// An order's row. Amounts are text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct OrderView {
    id: Uuid,
    broker: String,
    /// The broker's id, once the broker has it.
    broker_order_id: Option<String>,
    /// The id that it is sent with, at every attempt.
    client_order_id: String,
    /// The entry that this leg came with.
    parent_order_id: Option<Uuid>,
    /// The order that this one is to take the place of.
    replaces_order_id: Option<Uuid>,
    symbol: String,
    side: &'static str,
    #[serde(rename = "type")]
    order_type: &'static str,
    time_in_force: &'static str,
    qty: Option<String>,
    notional: Option<String>,
    limit_price: Option<String>,
    stop_price: Option<String>,
    trail_price: Option<String>,
    trail_percent: Option<String>,
    take_profit_limit_price: Option<String>,
    stop_loss_stop_price: Option<String>,
    stop_loss_limit_price: Option<String>,
    /// `pending` and `submitting` until the broker has it, then the broker's word; `halted` when
    /// the broker's order differs from ours.
    status: &'static str,
    extended_hours: bool,
    order_class: &'static str,
    /// When the broker took it; before that, when it was asked for.
    submitted_at: String,
    updated_at: String,
    filled_at: Option<String>,
    expired_at: Option<String>,
    canceled_at: Option<String>,
    failed_at: Option<String>,
    cancel_requested_at: Option<String>,
    filled_qty: String,
    filled_avg_price: Option<String>,
    /// `user`, `close`, `liquidation`, `cycle` or `broker`.
    origin: &'static str,
    /// The rule or code by which it was refused, halted or ended.
    reject_code: Option<String>,
    reject_message: Option<String>,
    strategy_id: Option<Uuid>,
    trace_id: Option<String>,
    decision_id: Option<Uuid>,
    /// Always null: clients expect the key.
    trade_intent_id: Option<Uuid>,
    /// The job that sends it.
    work_item_id: Option<Uuid>,
    /// What the broker last said about it.
    #[schema(value_type = Option<Object>)]
    raw_json: Option<Value>,
    created_at: String,
}

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        let amount = |amount: Option<rust_decimal::Decimal>| amount.map(text);
        let time = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(timestamp::text);
        Self {
            id: order.id,
            broker: order.broker,
            broker_order_id: order.broker_order_id,
            client_order_id: order.client_order_id,
            parent_order_id: order.parent_order_id,
            replaces_order_id: order.replaces_order_id,
            symbol: order.symbol,
            side: order.side.as_str(),
            order_type: order.order_type.as_str(),
            time_in_force: order.time_in_force.as_str(),
            qty: amount(order.qty),
            notional: amount(order.notional),
            limit_price: amount(order.limit_price),
            stop_price: amount(order.stop_price),
            trail_price: amount(order.trail_price),
            trail_percent: amount(order.trail_percent),
            take_profit_limit_price: amount(order.take_profit_limit_price),
            stop_loss_stop_price: amount(order.stop_loss_stop_price),
            stop_loss_limit_price: amount(order.stop_loss_limit_price),
            status: order.status.as_str(),
            extended_hours: order.extended_hours,
            order_class: order.class.as_str(),
            submitted_at: timestamp::text(order.submitted_at.unwrap_or(order.created_at)),
            updated_at: timestamp::text(order.updated_at),
            filled_at: time(order.filled_at),
            expired_at: time(order.expired_at),
            canceled_at: time(order.canceled_at),
            failed_at: time(order.failed_at),
            cancel_requested_at: time(order.cancel_requested_at),
            filled_qty: text(order.filled_qty),
            filled_avg_price: amount(order.filled_avg_price),
            origin: order.origin.as_str(),
            reject_code: order.reject_code,
            reject_message: order.reject_message,
            strategy_id: order.strategy_id,
            trace_id: order.trace_id,
            decision_id: order.decision_id,
            trade_intent_id: None,
            work_item_id: order.job_id,
            raw_json: order.raw,
            created_at: timestamp::text(order.created_at),
        }
    }
}

/// An order in numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnrichedOrder {
    id: Uuid,
    client_order_id: String,
    broker_order_id: Option<String>,
    symbol: String,
    /// Shares; null when money was asked for.
    quantity: Option<f64>,
    notional: Option<f64>,
    filled_quantity: f64,
    side: &'static str,
    #[serde(rename = "type")]
    order_type: &'static str,
    status: &'static str,
    limit_price: Option<f64>,
    stop_price: Option<f64>,
    filled_avg_price: Option<f64>,
    created_at: String,
    submitted_at: String,
    filled_at: Option<String>,
    time_in_force: &'static str,
    extended_hours: bool,
    asset_class: String,
    #[serde(rename = "_source")]
    source: Source,
}

impl EnrichedOrder {
    /// Returns `order` in numbers.
    pub(super) fn new(order: Order, source: &Source) -> Self {
        let asset_class = order.raw.as_ref().and_then(|raw| raw["asset_class"].as_str());
        Self {
            asset_class: asset_class.unwrap_or("us_equity").to_owned(),
            id: order.id,
            client_order_id: order.client_order_id,
            broker_order_id: order.broker_order_id,
            symbol: order.symbol,
            quantity: order.qty.map(number),
            notional: order.notional.map(number),
            filled_quantity: number(order.filled_qty),
            side: order.side.as_str(),
            order_type: order.order_type.as_str(),
            status: order.status.as_str(),
            limit_price: order.limit_price.map(number),
            stop_price: order.stop_price.map(number),
            filled_avg_price: order.filled_avg_price.map(number),
            created_at: timestamp::text(order.created_at),
            submitted_at: timestamp::text(order.submitted_at.unwrap_or(order.created_at)),
            filled_at: order.filled_at.map(timestamp::text),
            time_in_force: order.time_in_force.as_str(),
            extended_hours: order.extended_hours,
            source: source.clone(),
        }
    }
}

/// Returns `order` in the broker's shape: what the broker said, and over it what we know, since
/// that is never older. `id` is ours from the first reply on; the broker's is `broker_order_id`.
pub(super) fn brokers_shape(order: &Order) -> Value {
    let amount = |amount: Option<rust_decimal::Decimal>| amount.map(text);
    let time = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(timestamp::text);
    // The broker has no words for what it does not know of.
    let status = match order.status.as_str() {
        "pending" | "submitting" => "pending_new",
        "halted" => "suspended",
        word => word,
    };
    let class = order.class.as_str();
    let ours = json!({
        "id": order.id,
        "client_order_id": order.client_order_id,
        "broker_order_id": order.broker_order_id,
        "created_at": timestamp::text(order.created_at),
        "updated_at": timestamp::text(order.updated_at),
        "submitted_at": timestamp::text(order.submitted_at.unwrap_or(order.created_at)),
        "filled_at": time(order.filled_at),
        "expired_at": time(order.expired_at),
        "canceled_at": time(order.canceled_at),
        "failed_at": time(order.failed_at),
        "replaces": order.replaces_order_id,
        "symbol": order.symbol,
        "notional": amount(order.notional),
        "qty": amount(order.qty),
        "filled_qty": text(order.filled_qty),
        "filled_avg_price": amount(order.filled_avg_price),
        "order_class": if class == "simple" { "" } else { class },
        "order_type": order.order_type.as_str(),
        "type": order.order_type.as_str(),
        "side": order.side.as_str(),
        "time_in_force": order.time_in_force.as_str(),
        "limit_price": amount(order.limit_price),
        "stop_price": amount(order.stop_price),
        "trail_price": amount(order.trail_price),
        "trail_percent": amount(order.trail_percent),
        "extended_hours": order.extended_hours,
        "status": status,
    });
    let mut shape = Map::from_iter([
        ("asset_class".to_owned(), json!("us_equity")),
        ("legs".to_owned(), Value::Null),
        ("hwm".to_owned(), Value::Null),
    ]);
    if let Some(Value::Object(raw)) = &order.raw {
        shape.extend(raw.clone());
    }
    if let Value::Object(ours) = ours {
        shape.extend(ours);
    }
    Value::Object(shape)
}
