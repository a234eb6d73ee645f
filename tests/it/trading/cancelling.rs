//! A cancellation is final, whenever it comes.

use jobs::trading::{self, Cancel};

use super::{Desk, Order, buy, far_side::Fate};

async fn cancel(desk: &Desk, order: &Order) -> Cancel {
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let done = trading::cancel(&mut tx, Some(desk.user), desk.user, order.id, "the user said so", None).await;
    tx.commit().await.expect("the transaction commits");
    done.expect("the request is recorded")
}

#[tokio::test]
async fn an_order_canceled_before_it_is_sent_never_leaves() {
    let mut desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    assert_eq!(cancel(&desk, &order).await, Cancel::Canceled);
    desk.start_worker();
    let job = desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!(job.state, "completed");
    let canceled = desk.order(order.id).await;
    assert_eq!((canceled.status.as_str(), desk.far.book().posts.len()), ("canceled", 0));
    assert!(canceled.canceled_at.is_some());
    assert_eq!(cancel(&desk, &order).await, Cancel::AlreadyOver(canceled.status));
}

#[tokio::test]
async fn an_order_at_the_broker_is_canceled_there() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    let Cancel::Requested { job_id } = cancel(&desk, &order).await else { panic!("it is at the broker") };
    desk.reaches(order.id, "canceled").await;
    assert_eq!(desk.finished(job_id).await.state, "completed");
    assert_eq!(desk.far.order(&order.client_order_id).expect("it is there")["status"], "canceled");
}

#[tokio::test]
async fn a_fill_that_comes_before_the_cancellation_stays() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    desk.far.fill(&order.client_order_id, "10", "99");
    cancel(&desk, &order).await;
    let filled = desk.reaches(order.id, "filled").await;
    assert_eq!(filled.filled_qty, super::d("10"));
    assert_eq!(desk.positions().await.len(), 1);
}

#[tokio::test]
async fn a_cancellation_that_races_the_sending_ends_the_order() {
    let desk = Desk::patient().await;
    desk.far.next_post(Fate::Held);
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "submitting").await;
    assert!(matches!(cancel(&desk, &order).await, Cancel::Requested { .. }));
    desk.far.release();
    desk.reaches(order.id, "canceled").await;
    let theirs = desk.far.order(&order.client_order_id).expect("it had arrived");
    assert_eq!((theirs["status"].as_str(), desk.far.len()), (Some("canceled"), 1));
}

#[tokio::test]
async fn a_canceled_order_that_never_arrived_is_not_sent_again() {
    let desk = Desk::open().await;
    desk.far.next_post(Fate::NeverArrives);
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "submitting").await;
    assert!(matches!(cancel(&desk, &order).await, Cancel::Requested { .. }));
    desk.reaches(order.id, "canceled").await;
    let job = desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!((job.state.as_str(), desk.far.book().posts.len()), ("completed", 0));
}

#[tokio::test]
async fn another_users_order_is_unknown() {
    let desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    let other = desk.app.signed_up().await.user_id.parse().expect("a user's id is a UUID");
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    let done = trading::cancel(&mut conn, Some(other), other, order.id, "mine now", None).await;
    assert_eq!(done.expect("it is looked up"), Cancel::Unknown);
    assert_eq!(desk.order(order.id).await.status.as_str(), "pending");
}
