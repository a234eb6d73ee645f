//! Events, in any order and number, and the gaps between them.

use suites::eventually;

use super::{Desk, LIMIT, buy, d, sell};

#[tokio::test]
async fn fills_events_and_position_come_together() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.listening().await;
    let first = desk.far.fill(&order.client_order_id, "4", "99");
    desk.far.send(&first);
    desk.reaches(order.id, "partially_filled").await;
    let second = desk.far.fill(&order.client_order_id, "6", "100");
    desk.far.send(&second);
    let filled = desk.reaches(order.id, "filled").await;
    assert_eq!(filled.filled_avg_price, Some(d("99.6")));
    let fills = desk.fills(order.id).await;
    let seen: Vec<_> = fills.iter().map(|fill| (fill.qty, fill.price, fill.position_qty)).collect();
    assert_eq!(seen, [(d("4"), d("99"), d("4")), (d("6"), d("100"), d("10"))]);
    assert_eq!(fills[0].broker_execution_id.as_deref(), first["execution_id"].as_str());
    let positions = desk.positions().await;
    assert_eq!((positions.len(), positions[0].qty, positions[0].avg_entry_price), (1, d("10"), d("99.6")));
    assert_eq!(desk.events("order:fill").await.len(), 2);
    assert_eq!(desk.events("position:update").await.len(), 2);
}

#[tokio::test]
async fn events_out_of_order_and_repeated_are_harmless() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.listening().await;
    let new = desk.far.event("new", &order.client_order_id);
    let first = desk.far.fill(&order.client_order_id, "4", "99");
    let last = desk.far.fill(&order.client_order_id, "6", "100");
    for event in [&last, &first, &new, &last, &first] {
        desk.far.send(event);
    }
    desk.reaches(order.id, "filled").await;
    // A later order on the same stream tells when all of them were read.
    let other = desk.place(buy("OTHER", "1")).await;
    desk.reaches(other.id, "new").await;
    desk.far.send(&desk.far.fill(&other.client_order_id, "1", "50"));
    desk.reaches(other.id, "filled").await;
    let fills = desk.fills(order.id).await;
    let bought: super::Decimal = fills.iter().map(|fill| fill.qty).sum();
    assert_eq!((fills.len(), bought, fills[0].price), (1, d("10"), d("99.6")));
    assert_eq!(desk.order(order.id).await.filled_qty, d("10"));
}

#[tokio::test]
async fn what_happened_while_nobody_listened_is_read_afterwards() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.listening().await;
    desk.far.hang_up();
    eventually("nobody listens", LIMIT, async || desk.far.listeners() == 0).await;
    desk.far.fill(&order.client_order_id, "10", "99");
    desk.reaches(order.id, "filled").await;
    assert_eq!(desk.fills(order.id).await[0].source.as_str(), "poll");
}

#[tokio::test]
async fn an_event_may_come_before_the_answer() {
    let desk = Desk::open().await;
    desk.listening().await;
    desk.far.next_post(super::far_side::Fate::AnswerLost);
    let order = desk.place(buy("ACME", "10")).await;
    eventually("the broker has it", LIMIT, async || desk.far.order(&order.client_order_id)).await;
    desk.far.send(&desk.far.fill(&order.client_order_id, "10", "98"));
    let filled = desk.reaches(order.id, "filled").await;
    assert!(filled.broker_order_id.is_some());
    desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!((desk.far.posts(&order.client_order_id), desk.fills(order.id).await.len()), (1, 1));
}

#[tokio::test]
async fn a_message_that_makes_no_sense_changes_nothing() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    let before = desk.reaches(order.id, "new").await;
    desk.listening().await;
    let mut event = desk.far.event("fill", &order.client_order_id);
    event["order"]["filled_qty"] = serde_json::json!("-3");
    desk.far.send(&event);
    event["order"]["filled_qty"] = serde_json::json!("3");
    event["order"]["side"] = serde_json::json!("sell");
    event["order"]["filled_avg_price"] = serde_json::json!("100");
    desk.far.send(&event);
    event["order"]["side"] = serde_json::json!("buy");
    event["order"]["filled_avg_price"] = serde_json::Value::Null;
    desk.far.send(&event);
    event["order"]["filled_avg_price"] = serde_json::json!("70000000000000000000000000000");
    desk.far.send(&event);
    let other = desk.place(buy("OTHER", "1")).await;
    desk.reaches(other.id, "new").await;
    desk.far.send(&desk.far.fill(&other.client_order_id, "1", "50"));
    desk.reaches(other.id, "filled").await;
    assert_eq!(desk.order(order.id).await, before);
    assert!(desk.fills(order.id).await.is_empty());
}

#[tokio::test]
async fn a_sale_realises_what_it_gained() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let order = desk.place(sell("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.far.send(&desk.far.fill(&order.client_order_id, "10", "103"));
    desk.reaches(order.id, "filled").await;
    let fills = desk.fills(order.id).await;
    assert_eq!((fills[0].realized_pnl, fills[0].position_qty), (Some(d("30")), d("0")));
    assert!(desk.positions().await.is_empty());
}

#[tokio::test]
async fn legs_are_orders_of_their_own() {
    use domain::order::{OrderClass, OrderRequest, StopLoss};
    let desk = Desk::open().await;
    let bracket = OrderRequest {
        class: OrderClass::Bracket,
        take_profit: Some(d("110")),
        stop_loss: Some(StopLoss { stop_price: d("90"), limit_price: None }),
        ..buy("ACME", "10")
    };
    let order = desk.place(bracket).await;
    desk.reaches(order.id, "new").await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    let legs = jobs::db::orders::legs(&mut conn, order.id).await.expect("the legs are read");
    assert_eq!(legs.len(), 1);
    assert_eq!(
        (legs[0].status.as_str(), legs[0].side.as_str(), legs[0].user_id),
        ("held", "sell", desk.user)
    );
}
