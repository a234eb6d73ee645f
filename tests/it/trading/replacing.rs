//! An order in the place of another.

use jobs::trading::{self, Change, ReplaceRefused};
use serde_json::json;

use super::{Desk, Order, buy, d, far_side::Fate};

async fn replace(desk: &Desk, order: &Order, change: Change) -> Result<Order, ReplaceRefused> {
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let placed = trading::replace(&mut tx, Some(desk.user), desk.user, order.id, &change, None).await?;
    tx.commit().await.expect("the transaction commits");
    Ok(placed.order)
}

#[tokio::test]
async fn a_replacement_takes_the_place_of_the_order() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    let change = Change { limit_price: Some(d("98")), ..Change::default() };
    let new = replace(&desk, &order, change).await.expect("it is accepted");
    let new = desk.reaches(new.id, "new").await;
    assert_eq!(
        (new.limit_price, new.qty, new.replaces_order_id),
        (Some(d("98")), Some(d("10")), Some(order.id))
    );
    desk.reaches(order.id, "replaced").await;
    let theirs = desk.far.order(&new.client_order_id).expect("the broker has it");
    assert_eq!(theirs["limit_price"], "98");
}

#[tokio::test]
async fn an_order_that_is_over_or_never_sent_is_not_replaced() {
    let desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    let change = Change { qty: Some(d("9")), ..Change::default() };
    let refused = replace(&desk, &order, change).await;
    assert!(matches!(refused, Err(ReplaceRefused::NotReplaceable(_))));
}

#[tokio::test]
async fn a_replacement_is_made_once_whatever_becomes_of_question_and_answer() {
    for fate in [Fate::AnswerLost, Fate::NeverArrives] {
        let desk = Desk::open().await;
        let order = desk.place(buy("ACME", "10")).await;
        desk.reaches(order.id, "new").await;
        desk.far.next_post(fate.clone());
        let change = Change { qty: Some(d("9")), ..Change::default() };
        let new = replace(&desk, &order, change).await.expect("it is accepted");
        desk.reaches(new.id, "new").await;
        desk.reaches(order.id, "replaced").await;
        assert_eq!((desk.far.posts(&new.client_order_id), desk.far.len()), (1, 2), "{fate:?}");
    }
}

#[tokio::test]
async fn a_replacement_that_the_broker_refuses_leaves_the_order_as_it_is() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    let order = desk.reaches(order.id, "new").await;
    let body = json!({ "code": 42_210_000, "message": "order is not open" });
    desk.far.next_post(Fate::Refused(422, body));
    let change = Change { limit_price: Some(d("98")), ..Change::default() };
    let new = replace(&desk, &order, change).await.expect("it is accepted");
    let rejected = desk.reaches(new.id, "rejected").await;
    assert_eq!(rejected.reject_code.as_deref(), Some("42210000"));
    assert_eq!(rejected.reject_message.as_deref(), Some("order is not open"));
    let job = desk.finished(rejected.job_id.expect("an order has a job")).await;
    assert_eq!((job.state.as_str(), job.failures, desk.far.len()), ("completed", 0, 1));
    assert_eq!(desk.order(order.id).await, order);
}
