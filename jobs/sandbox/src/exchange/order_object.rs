//! The order object of the wire: every documented key, null ones too.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::order::Order;

/// Returns `value` as the wire writes amounts: a plain decimal without trailing zeros.
pub(super) fn amount(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Returns `at` as the wire writes times: RFC 3339 in UTC.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Returns the order object; `legs` are order objects, or null.
pub(super) fn order_object(order: &Order, legs: &Value) -> Value {
    let submitted = instant(order.submitted_at);
    json!({
        "id": order.id,
        "client_order_id": order.client_order_id,
        "created_at": submitted,
        "updated_at": instant(order.updated_at),
        "submitted_at": submitted,
        "filled_at": order.filled_at.map(instant),
        "expired_at": order.expired_at.map(instant),
        "expires_at": instant(order.expires_at),
        "canceled_at": order.canceled_at.map(instant),
        "failed_at": null,
        "replaced_at": order.replaced_at.map(instant),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": order.asset_id,
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": order.notional.map(amount),
        "qty": order.qty.map(amount),
        "filled_qty": amount(order.filled_qty),
        "filled_avg_price": order.filled_avg_price().map(amount),
        "order_class": order.class,
        "order_type": order.order_type,
        "type": order.order_type,
        "side": order.side,
        "position_intent": order.intent,
        "time_in_force": order.time_in_force,
        "limit_price": order.limit_price.map(amount),
        "stop_price": order.stop_price.map(amount),
        "status": order.status,
        "extended_hours": order.extended_hours,
        "legs": legs,
        "trail_percent": order.trail_percent.map(amount),
        "trail_price": order.trail_price.map(amount),
        "hwm": order.hwm.map(amount),
        "subtag": null,
        "source": null,
    })
}
