//! An order reaches the broker once, whatever becomes of questions and answers.

use serde_json::json;

use super::{Desk, buy, far_side::Fate};

#[tokio::test]
async fn an_order_is_sent_and_its_answer_recorded() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    assert_eq!(order.status.as_str(), "pending");
    let sent = desk.reaches(order.id, "new").await;
    let theirs = desk.far.order(&order.client_order_id).expect("the broker has it");
    assert_eq!(sent.broker_order_id.as_deref(), theirs["id"].as_str());
    assert_eq!((theirs["qty"].as_str(), theirs["limit_price"].as_str()), (Some("10"), Some("100")));
    let job = desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!((job.state.as_str(), job.attempt), ("completed", 1));
    let told: Vec<_> = desk.events("order:update").await.iter().map(|e| e["status"].clone()).collect();
    assert_eq!(told, [json!("pending"), json!("submitting"), json!("new")]);
}

#[tokio::test]
async fn an_order_is_placed_once_when_the_answer_is_lost() {
    let desk = Desk::open().await;
    desk.far.next_post(Fate::AnswerLost);
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    assert_eq!((desk.far.posts(&order.client_order_id), desk.far.len()), (1, 1));
    assert!(desk.far.book().lookups >= 1, "it was looked up before anything was sent again");
}

#[tokio::test]
async fn an_order_that_never_arrived_is_sent_again_under_the_same_id() {
    let desk = Desk::open().await;
    desk.far.next_post(Fate::NeverArrives);
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    assert_eq!((desk.far.posts(&order.client_order_id), desk.far.len()), (1, 1));
}

#[tokio::test]
async fn an_order_that_the_broker_has_already_is_adopted() {
    let mut desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    let mut body = order.request().to_broker_json();
    body["client_order_id"] = json!(order.client_order_id);
    post(&desk, &body).await;
    desk.start_worker();
    let adopted = desk.reaches(order.id, "new").await;
    let theirs = desk.far.order(&order.client_order_id).expect("the broker has it");
    assert_eq!(adopted.broker_order_id.as_deref(), theirs["id"].as_str());
    assert_eq!(desk.far.len(), 1);
}

#[tokio::test]
async fn an_order_that_differs_at_the_broker_is_halted_and_left_alone() {
    let mut desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    let mut body = order.request().to_broker_json();
    body["client_order_id"] = json!(order.client_order_id);
    body["qty"] = json!("11");
    post(&desk, &body).await;
    desk.start_worker();
    let halted = desk.reaches(order.id, "halted").await;
    assert_eq!(halted.reject_code.as_deref(), Some("quantity"));
    assert_eq!(halted.reject_message.as_deref(), Some("qty 11 instead of 10"));
    assert_eq!((desk.far.len(), desk.audited("halt_order").await), (1, 1));
    assert_eq!(desk.events("alert:new").await.len(), 1);
}

#[tokio::test]
async fn too_many_requests_cost_time_and_no_failure() {
    let desk = Desk::open().await;
    let body = json!({ "code": 42_910_000, "message": "too many requests" });
    desk.far.next_post(Fate::Refused(429, body));
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    let job = desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!((job.state.as_str(), job.failures), ("completed", 0));
    assert_eq!(desk.far.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_final() {
    let desk = Desk::open().await;
    let body = json!({ "code": 40_310_000, "message": "insufficient buying power", "buying_power": "1" });
    desk.far.next_post(Fate::Refused(403, body));
    let order = desk.place(buy("ACME", "10")).await;
    let rejected = desk.reaches(order.id, "rejected").await;
    assert_eq!(rejected.reject_code.as_deref(), Some("40310000"));
    assert_eq!(rejected.reject_message.as_deref(), Some("insufficient buying power"));
    let job = desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!((job.state.as_str(), job.failures), ("completed", 0));
    assert_eq!((desk.far.len(), desk.far.book().posts.len()), (0, 1));
}

#[tokio::test]
async fn a_refusal_that_no_database_can_hold_is_final_too() {
    let desk = Desk::open().await;
    let body = json!({ "code": 40_310_000, "message": "not\0today", "why\0": ["\0", { "\0": "\0" }] });
    desk.far.next_post(Fate::Refused(403, body));
    let order = desk.place(buy("ACME", "10")).await;
    let rejected = desk.reaches(order.id, "rejected").await;
    assert_eq!(rejected.reject_message.as_deref(), Some("not\u{fffd}today"));
    let job = desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!((job.state.as_str(), job.failures), ("completed", 0));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_no_answer() {
    let desk = Desk::open().await;
    desk.far.next_post(Fate::Nonsense(json!({ "id": 7, "status": "pending" })));
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    assert_eq!((desk.far.posts(&order.client_order_id), desk.far.len()), (1, 1));
}

#[tokio::test]
async fn an_answer_about_another_order_is_no_answer() {
    let desk = Desk::open().await;
    let first = desk.place(buy("ACME", "10")).await;
    desk.reaches(first.id, "new").await;
    let other = desk.far.order(&first.client_order_id).expect("the broker has it");
    desk.far.next_post(Fate::Nonsense(other));
    let second = desk.place(buy("ACME", "11")).await;
    let second = desk.reaches(second.id, "new").await;
    assert_ne!(second.broker_order_id, desk.order(first.id).await.broker_order_id);
    assert_eq!(desk.far.len(), 2);
}

#[tokio::test]
async fn a_second_order_of_a_symbol_waits_for_the_first() {
    let desk = Desk::patient().await;
    desk.far.next_post(Fate::Held);
    let first = desk.place(buy("ACME", "10")).await;
    desk.reaches(first.id, "submitting").await;
    let second = desk.place(buy("ACME", "11")).await;
    let other = desk.place(buy("OTHER", "1")).await;
    desk.reaches(other.id, "new").await;
    assert_eq!(desk.order(second.id).await.status.as_str(), "pending");
    desk.far.release();
    desk.reaches(first.id, "new").await;
    desk.reaches(second.id, "new").await;
}

#[tokio::test]
async fn an_order_for_the_day_expires_rather_than_runs_late() {
    let mut desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    let job_id = order.job_id.expect("an order has a job");
    let moved = sqlx::query(
        "update queue.jobs set not_after = clock_timestamp() where job_id = $1 and not_after is not null",
    )
    .bind(job_id)
    .execute(&desk.app.pool)
    .await
    .expect("the job is there");
    assert_eq!(moved.rows_affected(), 1, "an order for the day has an end");
    desk.start_worker();
    let expired = desk.reaches(order.id, "expired").await;
    assert_eq!(expired.reject_code.as_deref(), Some("EXPIRED"));
    assert_eq!(desk.far.book().posts.len(), 0);
}

async fn post(desk: &Desk, body: &serde_json::Value) {
    let url = format!("http://{}/v2/orders", desk.far.address);
    let answer = desk.app.client().post(url).json(body).send().await.expect("the far side answers");
    assert!(answer.status().is_success(), "{answer:?}");
}
