//! From a decision to its exit: what happened, in order, of what is in the rows.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::decision::Action;
use jobs::db::{
    agent_views::{ExitRow, FillRow, Linked, OrderRow, PositionRow},
    decisions::{Decision, GateRecord},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{DecisionView, action_word};
use crate::{routes::trading::amount::number, timestamp};

/// A decision with what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnrichedDecision {
    decision: DecisionView,
    /// The order that it led to, in numbers.
    #[schema(value_type = Option<Object>)]
    linked_order: Option<Value>,
    /// The last fill of that order, in numbers.
    #[schema(value_type = Option<Object>)]
    linked_trade: Option<Value>,
    /// What is held now of what it entered, in numbers.
    #[schema(value_type = Option<Object>)]
    linked_position: Option<Value>,
    /// Oldest first within a stage.
    timeline: Vec<Stage>,
}

/// Something that happened to a decision.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Stage {
    /// `decision`, `risk_gate`, `order`, `fill`, `position` or `exit`.
    #[serde(rename = "stage")]
    name: &'static str,
    /// How it went, such as `passed`, `failed` or `filled`.
    status: String,
    timestamp: String,
    #[schema(value_type = Object)]
    details: Value,
}

/// Returns `decision` with what of `linked` is its own.
pub(super) fn enrich(decision: Decision, linked: &Linked) -> EnrichedDecision {
    let order = decision.order_id.and_then(|id| linked.orders.iter().find(|order| order.id == id));
    let of_order = |id| order.is_some_and(|order| order.id == id);
    let fills: Vec<_> = linked.fills.iter().filter(|fill| of_order(fill.order_id)).collect();
    let exits: Vec<_> = linked.exits.iter().filter(|exit| of_order(exit.entry_order_id)).collect();
    let position = position(&decision, &fills, &exits, &linked.positions);
    let mut timeline = vec![decided(&decision)];
    timeline.extend(gates(&decision));
    timeline.extend(order.map(ordered));
    let whole = order.is_some_and(|order| order.status == "filled");
    let last = fills.last().map(|fill| fill.id);
    timeline.extend(fills.iter().map(|fill| filled(fill, whole && last == Some(fill.id))));
    timeline.extend(position.map(held));
    timeline.extend(exits.iter().map(|exit| left(exit)));
    EnrichedDecision {
        linked_order: order.map(order_value),
        linked_trade: fills.last().map(|fill| fill_value(fill)),
        linked_position: position.map(position_value),
        decision: decision.into(),
        timeline,
    }
}

/// Returns the position that the decision's order entered, as long as it is held.
fn position<'a>(
    decision: &Decision,
    fills: &[&FillRow],
    exits: &[&ExitRow],
    positions: &'a [PositionRow],
) -> Option<&'a PositionRow> {
    let gone = exits.iter().any(|exit| exit.position_qty.is_zero());
    // A sale that left something behind entered nothing.
    let entered = fills.iter().any(|fill| (fill.side == "buy") == (fill.position_qty.is_sign_positive()));
    let found = positions.iter().find(|position| position.symbol == decision.symbol);
    found.filter(|_| entered && !gone && fills.last().is_some_and(|fill| !fill.position_qty.is_zero()))
}

fn stage(name: &'static str, status: impl Into<String>, at: DateTime<Utc>, details: Value) -> Stage {
    Stage { name, status: status.into(), timestamp: timestamp::text(at), details }
}

fn decided(decision: &Decision) -> Stage {
    let details = json!({
        "action": action_word(decision.action),
        "confidence": number(decision.confidence),
        "analyst": decision.analyst,
        "model": decision.model,
        "reasoning": decision.reasoning,
    });
    let status = if decision.action == Action::Hold { "hold" } else { "proposed" };
    stage("decision", status, decision.created_at, details)
}

/// Returns the gates that it met; one that ended without an order names what held it back.
fn gates(decision: &Decision) -> Vec<Stage> {
    let met: Vec<GateRecord> = serde_json::from_value(decision.gates.clone()).unwrap_or_default();
    let mut stages: Vec<_> = met
        .iter()
        .map(|gate| {
            let details = json!({ "gate": gate.gate, "message": gate.message });
            stage("risk_gate", if gate.passed { "passed" } else { "failed" }, gate.at, details)
        })
        .collect();
    let told = met.iter().any(|gate| !gate.passed);
    if let Some(reason) = decision.skip_reason.as_deref().filter(|_| !told && decision.order_id.is_none()) {
        let details = json!({ "gate": null, "message": reason });
        stages.push(stage("risk_gate", decision.status.as_str(), decision.updated_at, details));
    }
    stages
}

fn ordered(order: &OrderRow) -> Stage {
    stage("order", order.status.as_str(), order.submitted_at.unwrap_or(order.created_at), order_value(order))
}

/// Returns the fill; the last one of an order that is filled makes it whole.
fn filled(fill: &FillRow, whole: bool) -> Stage {
    stage("fill", if whole { "filled" } else { "partial" }, fill.occurred_at, fill_value(fill))
}

fn held(position: &PositionRow) -> Stage {
    stage("position", "open", position.opened_at, position_value(position))
}

fn left(exit: &ExitRow) -> Stage {
    let details = json!({
        "fillId": exit.fill_id,
        "orderId": exit.order_id,
        "origin": exit.origin,
        "quantity": number(exit.qty),
        "price": number(exit.price),
        "pnl": exit.realized_pnl.map(number),
        "left": number(exit.position_qty),
    });
    stage("exit", if exit.position_qty.is_zero() { "closed" } else { "reduced" }, exit.occurred_at, details)
}

fn order_value(order: &OrderRow) -> Value {
    json!({
        "id": order.id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.order_type,
        "status": order.status,
        "quantity": order.qty.map(number),
        "notional": order.notional.map(number),
        "limitPrice": order.limit_price.map(number),
        "filledQuantity": number(order.filled_qty),
        "filledAvgPrice": order.filled_avg_price.map(number),
        "rejectCode": order.reject_code,
        "rejectMessage": order.reject_message,
        "submittedAt": timestamp::text(order.submitted_at.unwrap_or(order.created_at)),
        "filledAt": order.filled_at.map(timestamp::text),
        "createdAt": timestamp::text(order.created_at),
        "updatedAt": timestamp::text(order.updated_at),
    })
}

fn fill_value(fill: &FillRow) -> Value {
    json!({
        "id": fill.id,
        "orderId": fill.order_id,
        "symbol": fill.symbol,
        "side": fill.side,
        "quantity": number(fill.qty),
        "price": number(fill.price),
        "pnl": fill.realized_pnl.map(number),
        "executedAt": timestamp::text(fill.occurred_at),
    })
}

fn position_value(position: &PositionRow) -> Value {
    let price = position.current_price.unwrap_or(position.avg_entry_price);
    json!({
        "id": position.symbol,
        "symbol": position.symbol,
        "quantity": number(position.qty.abs()),
        "side": if position.qty.is_sign_negative() { "short" } else { "long" },
        "entryPrice": number(position.avg_entry_price),
        "currentPrice": number(price),
        "unrealizedPnl": number((price - position.avg_entry_price) * position.qty),
        "realizedPnl": number(position.realized_pnl),
        "openedAt": timestamp::text(position.opened_at),
        "updatedAt": timestamp::text(position.updated_at),
    })
}
