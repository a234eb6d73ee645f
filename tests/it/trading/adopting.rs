//! A halted order that an operator adopts.

use domain::order::OrderStatus;
use jobs::{
    db::reconciliations::Trigger,
    kinds::{adopt_order::AdoptOrder, reconcile_positions::ReconcilePositions},
    queue::inspect::JobView,
};
use serde_json::json;
use suites::eventually;

use super::{Desk, LIMIT, Order, buy, d, sell};

fn adoption(desk: &Desk, order: &Order) -> AdoptOrder {
    AdoptOrder { order_id: order.id, actor_id: Some(desk.user), reason: "the broker is right".into() }
}

/// Adopts the order and returns how the job ended.
async fn adopt(desk: &Desk, order: &Order) -> JobView {
    let job = desk.put(&adoption(desk, order)).await;
    desk.finished(job).await
}

/// Adopts the order, which is refused in these words and stays as it is.
async fn is_refused(desk: &Desk, order: &Order, words: &str) {
    let before = desk.order(order.id).await;
    let job = adopt(desk, order).await;
    let told = job.last_error.unwrap_or_default();
    assert!(told.contains("ORDER_NOT_ADOPTABLE") && told.contains(words), "{told}");
    assert_eq!(job.state, "discarded");
    assert_eq!(desk.order(order.id).await, before);
    assert_eq!(desk.audited("adopt_order").await, 0);
}

async fn reconcile(desk: &Desk) {
    let job = desk.put(&ReconcilePositions { trigger: Trigger::User, user_id: None }).await;
    desk.finished(job).await;
}

/// Waits until reconciliation has halted the order, with this code.
async fn is_halted(desk: &Desk, order: &Order, code: &str) {
    // The leader's own run may stand for one that is asked for: then another follows.
    let halted = eventually("reconciliation halts it", LIMIT, async || {
        reconcile(desk).await;
        let order = desk.order(order.id).await;
        if order.status == OrderStatus::Halted { Ok(order) } else { Err(order) }
    })
    .await;
    assert_eq!(halted.reject_code.as_deref(), Some(code));
}

/// An order that works at the broker.
async fn working(desk: &Desk, symbol: &str) -> Order {
    let order = desk.place(buy(symbol, "10")).await;
    desk.reaches(order.id, "new").await
}

#[tokio::test]
async fn an_order_of_another_size_becomes_what_the_broker_has_with_its_fills() {
    let desk = Desk::open().await;
    let order = working(&desk, "ACME").await;
    desk.far.book().orders[0]["qty"] = json!("11");
    is_halted(&desk, &order, "quantity").await;
    desk.far.fill(&order.client_order_id, "11", "99");

    let job = adopt(&desk, &order).await;
    assert_eq!(job.state, "completed", "{job:?}");
    let adopted = desk.order(order.id).await;
    assert_eq!(
        (adopted.status.as_str(), adopted.qty, adopted.filled_qty),
        ("filled", Some(d("11")), d("11"))
    );
    assert_eq!((adopted.reject_code, adopted.reject_message), (None, None));
    assert_eq!(desk.positions().await[0].qty, d("11"));
    assert_eq!(desk.events("order:fill").await.len(), 1);

    let again = adopt(&desk, &order).await;
    assert_eq!((again.state.as_str(), again.output), ("completed", Some(json!({ "skipped": "filled" }))));
    assert_eq!((desk.fills(order.id).await.len(), desk.audited("adopt_order").await), (1, 1));
    reconcile(&desk).await;
    assert_eq!(desk.order(order.id).await.status.as_str(), "filled", "the books agree");
}

#[tokio::test]
async fn an_order_that_had_vanished_is_adopted_once_it_is_there_again() {
    let desk = Desk::open().await;
    let order = working(&desk, "ACME").await;
    let theirs = desk.far.book().orders.remove(0);
    sqlx::query(
        "update orders set broker_updated_at = clock_timestamp() - interval '1 hour' where order_id = $1",
    )
    .bind(order.id)
    .execute(&desk.app.pool)
    .await
    .expect("the order is there");
    is_halted(&desk, &order, "vanished").await;
    is_refused(&desk, &order, "the broker has no order").await;

    desk.far.book().orders.push(theirs);
    assert_eq!(adopt(&desk, &order).await.state, "completed");
    assert_eq!(desk.order(order.id).await.status.as_str(), "new");
    let event = desk.far.fill(&order.client_order_id, "10", "100");
    desk.listening().await;
    desk.far.send(&event);
    desk.reaches(order.id, "filled").await;
}

#[tokio::test]
async fn another_side_or_symbol_is_never_adopted() {
    let desk = Desk::open().await;
    for (symbol, field, other) in [("ACME", "side", "sell"), ("OTHER", "symbol", "THIRD")] {
        let order = working(&desk, symbol).await;
        let index = desk.far.len() - 1;
        desk.far.book().orders[index][field] = json!(other);
        is_halted(&desk, &order, field).await;
        is_refused(&desk, &order, &format!("{field} {other} instead of")).await;
    }
    assert!(desk.positions().await.is_empty());
}

#[tokio::test]
async fn progress_that_takes_fills_back_is_not_adopted_but_what_keeps_them_is() {
    let desk = Desk::open().await;
    let order = working(&desk, "ACME").await;
    let event = desk.far.fill(&order.client_order_id, "5", "100");
    desk.listening().await;
    desk.far.send(&event);
    desk.reaches(order.id, "partially_filled").await;
    let say = |filled: &str| {
        let order = &mut desk.far.book().orders[0];
        order["status"] = json!("canceled");
        order["filled_qty"] = json!(filled);
    };
    say("3");
    is_halted(&desk, &order, "progress").await;
    is_refused(&desk, &order, "3 shares filled, 5 are recorded").await;

    say("5");
    assert_eq!(adopt(&desk, &order).await.state, "completed");
    let adopted = desk.order(order.id).await;
    assert_eq!((adopted.status.as_str(), adopted.filled_qty), ("canceled", d("5")));
    assert_eq!(desk.fills(order.id).await.len(), 1);
}

#[tokio::test]
async fn fills_whose_shares_reconciliation_has_taken_away_are_not_taken_again() {
    let desk = Desk::open().await;
    desk.holds("ACME", "20").await;
    let order = desk.place(sell("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.far.book().orders[1]["qty"] = json!("9");
    is_halted(&desk, &order, "quantity").await;
    desk.far.fill(&order.client_order_id, "9", "100");
    eventually("the position is corrected", LIMIT, async || {
        reconcile(&desk).await;
        desk.positions().await[0].qty == d("11")
    })
    .await;
    is_refused(&desk, &order, "the position in ACME has been corrected since").await;
    assert_eq!(desk.positions().await[0].qty, d("11"));
    assert!(desk.fills(order.id).await.is_empty());
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_adopts_nothing_and_is_asked_for_again() {
    let desk = Desk::open().await;
    let order = working(&desk, "ACME").await;
    desk.far.book().orders[0]["qty"] = json!("11");
    is_halted(&desk, &order, "quantity").await;
    desk.far.talk_nonsense("/v2/orders:by_client_order_id", json!({ "id": 7 }));
    let job = desk.put(&adoption(&desk, &order)).await;
    eventually("an attempt has failed", LIMIT, async || {
        let mut conn = desk.app.pool.acquire().await.expect("a connection");
        let job = jobs::queue::inspect::job(&mut conn, job).await.expect("the job is read");
        job.is_some_and(|job| job.failures > 0)
    })
    .await;
    assert_eq!(desk.order(order.id).await.status.as_str(), "halted");
    desk.far.talk_nonsense("/v2/orders:by_client_order_id", serde_json::Value::Null);
    assert_eq!(desk.finished(job).await.state, "completed");
    assert_eq!(desk.order(order.id).await.qty, Some(d("11")));
}
