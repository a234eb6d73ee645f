use chrono::TimeDelta;
use domain::{
    cycle::{DecisionOrigin, DecisionStatus},
    decision::RiskLevel,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;

const ORDER: Uuid = Uuid::from_u128(1);
const START: &str = "2026-01-05T15:00:00Z";

fn at(minutes: i64) -> DateTime<Utc> {
    START.parse::<DateTime<Utc>>().expect("a time") + TimeDelta::minutes(minutes)
}

fn decision(status: DecisionStatus, order_id: Option<Uuid>, gates: Value) -> Decision {
    Decision {
        id: Uuid::from_u128(9),
        user_id: Uuid::nil(),
        cycle_id: None,
        strategy_id: None,
        origin: DecisionOrigin::Cycle,
        symbol: "AAPL".into(),
        action: Action::Buy,
        confidence: Decimal::new(8, 1),
        reasoning: "it looks so".into(),
        risk_level: RiskLevel::Low,
        status,
        skip_reason: None,
        suggested_fraction: None,
        entry_price: None,
        target_price: None,
        stop_loss: None,
        trailing_stop_percent: None,
        order_id,
        filled_price: None,
        filled_at: None,
        analyst: "technical".into(),
        model: None,
        fallbacks: json!([]),
        gates,
        market_context: json!({}),
        metadata: json!({}),
        approved_by: None,
        approved_at: None,
        window_start: at(0),
        trace_id: None,
        created_at: at(0),
        updated_at: at(1),
    }
}

fn order(status: &str) -> OrderRow {
    OrderRow {
        id: ORDER,
        symbol: "AAPL".into(),
        side: "buy".into(),
        order_type: "market".into(),
        status: status.into(),
        qty: Some(Decimal::TEN),
        notional: None,
        limit_price: None,
        filled_qty: Decimal::ZERO,
        filled_avg_price: None,
        reject_code: None,
        reject_message: None,
        submitted_at: Some(at(2)),
        filled_at: None,
        created_at: at(1),
        updated_at: at(2),
    }
}

fn fill(id: u128, qty: i64, position_qty: i64) -> FillRow {
    FillRow {
        id: Uuid::from_u128(id),
        order_id: ORDER,
        symbol: "AAPL".into(),
        side: "buy".into(),
        qty: qty.into(),
        price: Decimal::ONE_HUNDRED,
        realized_pnl: None,
        position_qty: position_qty.into(),
        occurred_at: at(3),
    }
}

fn position() -> PositionRow {
    PositionRow {
        symbol: "AAPL".into(),
        qty: Decimal::TEN,
        avg_entry_price: Decimal::ONE_HUNDRED,
        realized_pnl: Decimal::ZERO,
        opened_at: at(3),
        updated_at: at(3),
        current_price: Some(Decimal::from(110)),
    }
}

fn exit(qty: i64, position_qty: i64) -> ExitRow {
    ExitRow {
        entry_order_id: ORDER,
        fill_id: Uuid::from_u128(20),
        order_id: Uuid::from_u128(2),
        origin: "close".into(),
        qty: qty.into(),
        price: Decimal::from(110),
        realized_pnl: Some(Decimal::from(qty * 10)),
        position_qty: position_qty.into(),
        occurred_at: at(9),
    }
}

fn shape(enriched: &EnrichedDecision) -> Vec<(&str, &str)> {
    enriched.timeline.iter().map(|stage| (stage.name, stage.status.as_str())).collect()
}

fn gate(name: &str, passed: bool) -> Value {
    json!({"gate": name, "passed": passed, "message": "so it is", "at": at(1)})
}

#[test]
fn the_stages_are_those_that_happened() {
    use DecisionStatus::{Executed, Filled, Pending, PendingExecution, Skipped};
    let passed = || json!([gate("candidate", true)]);
    let proposed = ("decision", "proposed");
    let ok = ("risk_gate", "passed");
    let with = |fills, positions, exits, status: &str| Linked {
        orders: vec![order(status)],
        fills,
        positions,
        exits,
    };
    let cases = [
        (decision(Pending, None, json!([])), Linked::default(), vec![proposed]),
        (
            decision(Skipped, None, json!([gate("kill_switch", true), gate("candidate", false)])),
            Linked::default(),
            vec![proposed, ok, ("risk_gate", "failed")],
        ),
        (
            decision(PendingExecution, Some(ORDER), passed()),
            with(vec![], vec![], vec![], "pending"),
            vec![proposed, ok, ("order", "pending")],
        ),
        (
            decision(Executed, Some(ORDER), passed()),
            with(vec![fill(10, 4, 4)], vec![position()], vec![], "partially_filled"),
            vec![proposed, ok, ("order", "partially_filled"), ("fill", "partial"), ("position", "open")],
        ),
        (
            decision(Filled, Some(ORDER), passed()),
            with(vec![fill(10, 4, 4), fill(11, 6, 10)], vec![position()], vec![exit(5, 5)], "filled"),
            vec![
                proposed,
                ok,
                ("order", "filled"),
                ("fill", "partial"),
                ("fill", "filled"),
                ("position", "open"),
                ("exit", "reduced"),
            ],
        ),
        (
            // What is held now was bought after everything had been sold.
            decision(Filled, Some(ORDER), passed()),
            with(vec![fill(10, 10, 10)], vec![position()], vec![exit(10, 0)], "filled"),
            vec![proposed, ok, ("order", "filled"), ("fill", "filled"), ("exit", "closed")],
        ),
    ];
    for (decision, linked, expected) in cases {
        let status = decision.status;
        assert_eq!(shape(&enrich(decision, &linked)), expected, "{status}");
    }
}

#[test]
fn a_decision_that_was_passed_over_says_why() {
    let skipped = Decision {
        skip_reason: Some("the cycle's 10 orders are made".into()),
        ..decision(DecisionStatus::Skipped, None, json!([]))
    };
    let enriched = enrich(skipped, &Linked::default());
    assert_eq!(shape(&enriched), [("decision", "proposed"), ("risk_gate", "skipped")]);
    assert_eq!(enriched.timeline[1].details["message"], "the cycle's 10 orders are made");
}

#[test]
fn figures_are_numbers() {
    let linked = Linked {
        orders: vec![order("filled")],
        fills: vec![fill(10, 10, 10)],
        positions: vec![position()],
        exits: vec![],
    };
    let enriched = enrich(decision(DecisionStatus::Filled, Some(ORDER), json!([])), &linked);
    assert_eq!(enriched.linked_order.expect("an order")["quantity"], json!(10.0));
    assert_eq!(enriched.linked_trade.expect("a trade")["price"], json!(100.0));
    assert_eq!(enriched.linked_position.expect("a position")["unrealizedPnl"], json!(100.0));
}

#[test]
fn what_belongs_to_another_order_is_left_out() {
    let linked = Linked { orders: vec![order("filled")], fills: vec![fill(10, 10, 10)], ..Linked::default() };
    let other = enrich(decision(DecisionStatus::Filled, Some(Uuid::from_u128(5)), json!([])), &linked);
    assert!(other.linked_order.is_none() && other.linked_trade.is_none());
    assert_eq!(shape(&other), [("decision", "proposed")]);
}
