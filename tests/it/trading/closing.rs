//! Closing positions, one or all.

use jobs::{
    db::{orders::Origin, risk},
    kinds::close_position::Portion,
    trading::{self, Close},
};
use suites::eventually;
use uuid::Uuid;

use super::{Desk, LIMIT, Order, d, sell};

pub(super) async fn close(desk: &Desk, portion: Portion) -> Uuid {
    let close = Close { user_id: desk.user, symbol: "ACME", portion, origin: Origin::Close, trace_id: None };
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    trading::close(&mut conn, &close).await.expect("the close is enqueued").job_id
}

/// Waits for the order that closes, and returns it once the broker has it.
pub(super) async fn closing(desk: &Desk, origin: &str) -> Order {
    eventually("the closing order is at the broker", LIMIT, async || {
        let mut conn = desk.app.pool.acquire().await.expect("a connection");
        let open = jobs::db::orders::open(&mut conn, Some(desk.user), 10).await.expect("the orders are read");
        open.into_iter().find(|order| order.origin.as_str() == origin && order.status.as_str() == "new")
    })
    .await
}

#[tokio::test]
async fn a_position_is_closed_by_an_opposite_order() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let job = close(&desk, Portion::Percent(d("40"))).await;
    assert_eq!(desk.finished(job).await.state, "completed");
    let order = closing(&desk, "close").await;
    assert_eq!((order.side.as_str(), order.qty, order.reduces), ("sell", Some(d("4")), true));
    desk.far.send(&desk.far.fill(&order.client_order_id, "4", "101"));
    desk.reaches(order.id, "filled").await;
    assert_eq!(desk.positions().await[0].qty, d("6"));
}

#[tokio::test]
async fn orders_that_hold_the_shares_are_canceled_first() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let resting = desk.place(sell("ACME", "8")).await;
    desk.reaches(resting.id, "new").await;
    close(&desk, Portion::All).await;
    let order = closing(&desk, "close").await;
    assert_eq!(order.qty, Some(d("10")));
    assert_eq!(desk.order(resting.id).await.status.as_str(), "canceled");
}

#[tokio::test]
async fn nothing_is_closed_where_nothing_is_held() {
    let desk = Desk::open().await;
    let job = close(&desk, Portion::All).await;
    assert_eq!(desk.finished(job).await.state, "completed");
    assert_eq!(desk.far.book().posts.len(), 0);
}

#[tokio::test]
async fn a_liquidation_cancels_everything_and_closes_everything_through_the_kill_switch() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    desk.holds("OTHER", "3").await;
    let resting = desk.place(super::buy("THIRD", "5")).await;
    desk.reaches(resting.id, "new").await;
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    risk::kill_switch(&mut tx, Some(desk.user), desk.user, true, Some("enough"), None)
        .await
        .expect("the switch is on");
    trading::liquidate(&mut tx, desk.user, "enough", None).await.expect("it is enqueued");
    tx.commit().await.expect("the transaction commits");
    for _ in 0..2 {
        let order = closing(&desk, "liquidation").await;
        let qty = order.qty.expect("shares").to_string();
        desk.far.send(&desk.far.fill(&order.client_order_id, &qty, "95"));
        desk.reaches(order.id, "filled").await;
    }
    assert!(desk.positions().await.is_empty());
    assert_eq!(desk.order(resting.id).await.status.as_str(), "canceled");
}

#[tokio::test]
async fn a_close_that_the_kill_switch_holds_back_leaves_the_orders_that_protect_the_position() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let resting = desk.place(super::buy("ACME", "5")).await;
    desk.reaches(resting.id, "new").await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    risk::kill_switch(&mut conn, Some(desk.user), desk.user, true, Some("enough"), None)
        .await
        .expect("the switch is on");
    let job = close(&desk, Portion::All).await;
    let done = desk.finished(job).await;
    assert_eq!(done.output.expect("an output")["refused"], "kill_switch");
    assert_eq!(desk.order(resting.id).await.status.as_str(), "new", "nothing was taken away");
    assert_eq!(desk.positions().await.len(), 1);
}
