//! Orders, and events about them.

use chrono::{DateTime, Utc};
use domain::order::{OrderClass, OrderStatus, OrderType, Side, TimeInForce, Trail};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::super::{BrokerError, BrokerOrder, CancelledOrder, TradeEvent, TradeEventKind},
    malformed,
    money::Money,
    read,
};

#[derive(Deserialize)]
struct OrderWire {
    id: String,
    client_order_id: String,
    status: OrderStatus,
    symbol: String,
    side: Side,
    #[serde(rename = "type")]
    order_type: OrderType,
    time_in_force: TimeInForce,
    order_class: Option<String>,
    qty: Option<Money>,
    notional: Option<Money>,
    filled_qty: Money,
    filled_avg_price: Option<Money>,
    limit_price: Option<Money>,
    stop_price: Option<Money>,
    trail_price: Option<Money>,
    trail_percent: Option<Money>,
    extended_hours: bool,
    replaces: Option<String>,
    replaced_by: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    submitted_at: Option<DateTime<Utc>>,
    filled_at: Option<DateTime<Utc>>,
    legs: Option<Vec<Value>>,
}

/// Reads an order; its parts must fit together: an id, a broker's state, no negative amount.
pub(in super::super) fn order(raw: Value) -> Result<BrokerOrder, BrokerError> {
    let wire: OrderWire = read("order", &raw)?;
    let bad = |reason: &str| malformed("order", reason);
    if wire.id.is_empty() || wire.client_order_id.is_empty() {
        return Err(bad("an empty id"));
    }
    if !wire.status.is_brokers() {
        return Err(bad(&format!("status {} is none of the broker's", wire.status)));
    }
    let amount = |money: Option<Money>| money.map(|money| money.0);
    let (qty, notional, filled_qty) = (amount(wire.qty), amount(wire.notional), wire.filled_qty.0);
    if filled_qty < Decimal::ZERO || [qty, notional].into_iter().flatten().any(|n| n < Decimal::ZERO) {
        return Err(bad("an amount below zero"));
    }
    if qty.is_some_and(|qty| filled_qty > qty) {
        return Err(bad("more filled than asked for"));
    }
    let class = match wire.order_class.as_deref() {
        None | Some("") => OrderClass::Simple,
        Some(word) => word.parse().map_err(|error| bad(&format!("{error}")))?,
    };
    let trail = match (amount(wire.trail_price), amount(wire.trail_percent)) {
        (Some(price), _) => Some(Trail::Price(price)),
        (None, Some(percent)) => Some(Trail::Percent(percent)),
        (None, None) => None,
    };
    Ok(BrokerOrder {
        id: wire.id,
        client_order_id: wire.client_order_id,
        status: wire.status,
        symbol: wire.symbol,
        side: wire.side,
        order_type: wire.order_type,
        time_in_force: wire.time_in_force,
        class,
        qty,
        notional,
        filled_qty,
        filled_avg_price: amount(wire.filled_avg_price),
        limit_price: amount(wire.limit_price),
        stop_price: amount(wire.stop_price),
        trail,
        extended_hours: wire.extended_hours,
        replaces: wire.replaces,
        replaced_by: wire.replaced_by,
        created_at: wire.created_at,
        updated_at: wire.updated_at,
        submitted_at: wire.submitted_at,
        filled_at: wire.filled_at,
        legs: wire.legs.unwrap_or_default().into_iter().map(order).collect::<Result<_, _>>()?,
        raw,
    })
}

#[derive(Deserialize)]
struct CancelledWire {
    id: String,
    status: u16,
}

pub(in super::super) fn cancelled_order(raw: &Value) -> Result<CancelledOrder, BrokerError> {
    let CancelledWire { id, status } = read("cancelled order", raw)?;
    Ok(CancelledOrder { id, status })
}

#[derive(Deserialize)]
struct EventWire {
    event: String,
    timestamp: DateTime<Utc>,
    execution_id: Option<String>,
    price: Option<Money>,
    qty: Option<Money>,
    position_qty: Option<Money>,
    order: Value,
}

pub(in super::super) fn trade_event(raw: Value) -> Result<TradeEvent, BrokerError> {
    let wire: EventWire = read("trade event", &raw)?;
    let amount = |money: Option<Money>| money.map(|money| money.0);
    let kind = match wire.event.as_str() {
        "new" => TradeEventKind::New,
        "partial_fill" => TradeEventKind::PartialFill,
        "fill" => TradeEventKind::Fill,
        "canceled" => TradeEventKind::Canceled,
        "expired" => TradeEventKind::Expired,
        "rejected" => TradeEventKind::Rejected,
        "replaced" => TradeEventKind::Replaced,
        "done_for_day" => TradeEventKind::DoneForDay,
        _ => TradeEventKind::Other(wire.event),
    };
    Ok(TradeEvent {
        kind,
        at: wire.timestamp,
        execution_id: wire.execution_id,
        price: amount(wire.price),
        qty: amount(wire.qty),
        position_qty: amount(wire.position_qty),
        order: order(wire.order)?,
        raw,
    })
}

#[cfg(test)]
mod tests;
