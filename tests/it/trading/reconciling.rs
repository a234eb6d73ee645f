//! Our books against the broker's.

use jobs::{
    db::reconciliations::{self, Outcome, Reconciliation, Trigger},
    kinds::{reconcile_positions::ReconcilePositions, sync_orders::SyncOrders},
};
use serde_json::json;

use super::{Desk, buy, d, far_side};

/// Runs one reconciliation after whatever is at work, and returns what it found.
async fn reconcile(desk: &Desk) -> Reconciliation {
    // The leader's own may stand for this one: then another follows.
    for _ in 0..2 {
        let job = desk.put(&ReconcilePositions { trigger: Trigger::User, user_id: Some(desk.user) }).await;
        assert_eq!(desk.finished(job).await.state, "completed");
    }
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    reconciliations::recent(&mut conn, 1).await.expect("the runs are read").remove(0)
}

#[tokio::test]
async fn books_that_agree_are_left_alone() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let run = reconcile(&desk).await;
    assert_eq!((run.status, run.broker_positions, run.db_positions), (Outcome::Completed, 1, 1));
    assert_eq!((run.conflicts, run.corrections), (json!([]), json!([])));
    assert_eq!(run.total_value, Some(d("1000")));
}

#[tokio::test]
async fn shares_that_the_broker_does_not_have_are_taken_away_and_audited() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    desk.far.book().positions.insert("ACME".into(), (d("7"), d("100")));
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    reconcile(&desk).await;
    assert_eq!(desk.positions().await[0].qty, d("7"));
    desk.far.book().positions.clear();
    reconcile(&desk).await;
    assert!(desk.positions().await.is_empty());
    assert_eq!(desk.audited("correct_position").await, 2);
    let removed: i32 = reconciliations::recent(&mut conn, 10)
        .await
        .expect("the runs are read")
        .iter()
        .map(|run| run.removed)
        .sum();
    assert_eq!(removed, 1);
}

#[tokio::test]
async fn a_foreign_position_belongs_to_nobody() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    desk.far.book().positions.insert("ALIEN".into(), (d("5"), d("20")));
    desk.far.book().positions.insert("ACME".into(), (d("12"), d("100")));
    let run = reconcile(&desk).await;
    assert_eq!((run.added, run.broker_positions), (1, 2));
    let kinds: Vec<_> = run.conflicts.as_array().expect("a list").iter().map(|c| c["type"].clone()).collect();
    assert_eq!(kinds, [json!("unattributed_shares"), json!("unattributed_position")]);
    let positions = desk.positions().await;
    assert_eq!((positions.len(), positions[0].qty), (1, d("10")));
}

#[tokio::test]
async fn orders_that_nobody_heard_of_again_are_brought_up_to_date() {
    let mut desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.start_worker();
    desk.reaches(order.id, "new").await;
    desk.far.fill(&order.client_order_id, "10", "99");
    let job = desk.put(&SyncOrders::default()).await;
    assert_eq!(desk.finished(job).await.state, "completed");
    assert_eq!(desk.order(order.id).await.status.as_str(), "filled");
    assert_eq!(desk.positions().await[0].qty, d("10"));
}

#[tokio::test]
async fn what_the_broker_tells_again_changes_nothing() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    let order = desk.reaches(order.id, "new").await;
    // Its times have nanoseconds, the row's do not.
    let job = desk.put(&SyncOrders::default()).await;
    let output = desk.finished(job).await.output.expect("it says what it saw");
    assert_eq!((&output["seen"], &output["changed"]), (&json!(1), &json!(0)));
    assert_eq!(desk.order(order.id).await, order);
}

#[tokio::test]
async fn an_order_whose_job_ended_is_looked_up_and_decided() {
    let desk = Desk::open().await;
    desk.far.next_post(far_side::Fate::AnswerLost);
    let arrived = desk.place(buy("ACME", "10")).await;
    desk.reaches(arrived.id, "submitting").await;
    let job_id = arrived.job_id.expect("an order has a job");
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    jobs::cancel(&mut conn, job_id, "an operator").await.expect("the job is cancelled");
    desk.finished(job_id).await;
    suites::eventually("reconciliation decides", super::LIMIT, async || {
        reconcile(&desk).await;
        desk.order(arrived.id).await.status.as_str() == "new"
    })
    .await;
    assert_eq!(desk.far.len(), 1);
}

#[tokio::test]
async fn an_order_that_had_ended_here_and_is_open_there_is_canceled_there() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    sqlx::query(
        "update orders set status = 'canceled', broker_order_id = null,
                broker_updated_at = clock_timestamp() - interval '1 hour' where order_id = $1",
    )
    .bind(order.id)
    .execute(&desk.app.pool)
    .await
    .expect("the order is there");
    reconcile(&desk).await;
    desk.reaches(order.id, "canceled").await;
    suites::eventually("the broker's is canceled", super::LIMIT, async || {
        desk.far.order(&order.client_order_id).is_some_and(|order| order["status"] == "canceled")
    })
    .await;
    assert_eq!(desk.audited("overrule_order").await, 1);
}

#[tokio::test]
async fn a_list_that_makes_no_sense_corrects_nothing() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    desk.far.talk_nonsense("/v2/positions", json!([{ "symbol": "ACME", "qty": 0, "side": "flat" }]));
    let run = reconcile(&desk).await;
    assert_eq!(run.status, Outcome::Failed);
    assert!(run.error.is_some_and(|error| error.contains("position")));
    desk.far.talk_nonsense("/v2/positions", serde_json::Value::Null);
    desk.far.talk_nonsense("/v2/orders", json!({ "orders": "none" }));
    assert_eq!(reconcile(&desk).await.status, Outcome::Failed);
    assert_eq!(desk.positions().await[0].qty, d("10"));
}

#[tokio::test]
async fn reconciliation_halts_an_order_that_differs_as_sending_would() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.far.book().orders[0]["qty"] = json!("11");
    reconcile(&desk).await;
    let halted = desk.reaches(order.id, "halted").await;
    assert_eq!(halted.reject_code.as_deref(), Some("quantity"));
    assert_eq!(halted.reject_message.as_deref(), Some("qty 11 instead of 10"));
    assert_eq!(desk.audited("halt_order").await, 1);
}

#[tokio::test]
async fn an_order_that_the_broker_lost_is_halted_after_a_while() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.far.book().orders.clear();
    reconcile(&desk).await;
    assert_eq!(desk.order(order.id).await.status.as_str(), "new", "its news may be on its way");
    sqlx::query(
        "update orders set broker_updated_at = clock_timestamp() - interval '1 hour' where order_id = $1",
    )
    .bind(order.id)
    .execute(&desk.app.pool)
    .await
    .expect("the order is there");
    let run = reconcile(&desk).await;
    let halted = desk.reaches(order.id, "halted").await;
    assert_eq!(halted.reject_code.as_deref(), Some("vanished"));
    assert_eq!((run.status, desk.audited("halt_order").await), (Outcome::Completed, 1));
}
