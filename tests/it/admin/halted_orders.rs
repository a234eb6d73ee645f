//! An operator's word on orders that were halted.

use serde_json::{Value, json};
use suites::TestApp;
use uuid::Uuid;

use super::{administrator, because, count, outcome, refused};
use crate::trading_api::by_hand;

async fn halted_order(app: &TestApp, user: &str) -> Uuid {
    halted_for(app, user, "quantity", "qty 11 instead of 10").await
}

async fn halted_for(app: &TestApp, user: &str, code: &str, message: &str) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into orders (order_id, user_id, client_order_id, symbol, side, order_type, time_in_force, qty,
                             status, origin, reject_code, reject_message)
         select $1, user_id, $1::text, 'ACME', 'buy', 'market', 'day', 10, 'halted', 'user', $3, $4
           from users where username = $2",
    )
    .bind(id)
    .bind(user)
    .bind(code)
    .bind(message)
    .execute(&app.pool)
    .await
    .expect("inserted");
    id
}

#[tokio::test]
async fn a_halted_order_is_disowned_once_with_a_reason_that_is_kept() {
    let app = TestApp::start().await;
    let (admin, owner) = (administrator(&app).await, app.signed_up().await);
    let id = halted_order(&app, &owner.username).await;
    let path = format!("/api/admin/orders/{id}/disown");

    let (status, ..) = owner.post(&path, &because("mine")).await;
    assert_eq!(status.as_u16(), 403, "not its owner's to decide");
    let (status, answer, _) = admin.post(&path, &json!({})).await;
    assert_eq!(status.as_u16(), 400, "{answer}");
    let unknown = format!("/api/admin/orders/{}/disown", Uuid::now_v7());
    assert_eq!(admin.post(&unknown, &because("who?")).await.0.as_u16(), 404);

    let (status, order, _) = admin.post(&path, &because("somebody typed it in at the broker")).await;
    assert_eq!((status.as_u16(), &order["status"]), (200, &json!("rejected")), "{order}");
    let (status, again, _) = admin.post(&path, &because("again")).await;
    assert_eq!((status.as_u16(), &again["code"]), (409, &json!("ORDER_NOT_HALTED")), "{again}");

    let (reason, before): (String, Value) = sqlx::query_as(
        "select reason, before from audit_log where action = 'disown_order' and resource_id = $1",
    )
    .bind(id.to_string())
    .fetch_one(&app.pool)
    .await
    .expect("its audit row");
    assert_eq!(reason, "somebody typed it in at the broker");
    assert_eq!((&before["status"], &before["code"]), (&json!("halted"), &json!("quantity")));
    let told: Vec<Value> =
        sqlx::query_scalar("select body from events where name = 'order:update' and subject_id = $1")
            .bind(id)
            .fetch_all(&app.pool)
            .await
            .expect("read");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["status"], "rejected");
}

#[tokio::test]
async fn the_adoption_of_a_halted_order_is_queued_once_with_its_reason() {
    let app = by_hand::start().await;
    let (admin, owner) = (administrator(&app).await, app.signed_up().await);
    let id = halted_order(&app, &owner.username).await;
    let path = format!("/api/admin/orders/{id}/adopt");

    assert_eq!(owner.post(&path, &because("mine")).await.0.as_u16(), 403, "not its owner's to decide");
    let (status, queued, _) = admin.post(&path, &because("the desk raised it to 11")).await;
    assert_eq!((status.as_u16(), &queued["status"]), (202, &json!("queued")), "{queued}");
    assert_eq!(queued["orderId"], json!(id));
    let (status, again, _) = admin.post(&path, &because("again")).await;
    assert_eq!((status.as_u16(), again), (202, queued.clone()), "the same job");

    let (kind, payload): (String, Value) =
        sqlx::query_as("select kind, payload from queue.jobs where job_id::text = $1")
            .bind(queued["jobId"].as_str())
            .fetch_one(&app.pool)
            .await
            .expect("its job");
    assert_eq!((kind.as_str(), &payload["order_id"]), ("adopt_order", &json!(id)));
    assert_eq!(payload["reason"], "the desk raised it to 11");
    let requested = "select count(*) from audit_log where action = 'request_adoption'";
    assert_eq!(count(&app, requested).await, 1);
    let halted = "select count(*) from orders where status = 'halted' and qty = 10";
    assert_eq!(count(&app, halted).await, 1, "a worker asks the broker first");
}

#[tokio::test]
async fn what_can_not_be_adopted_is_refused_and_nothing_is_queued() {
    let app = by_hand::start().await;
    let (admin, owner) = (administrator(&app).await, app.signed_up().await);
    let adopt = async |id: Uuid, body: Value| {
        outcome(admin.post(&format!("/api/admin/orders/{id}/adopt"), &body).await)
    };
    let id = halted_order(&app, &owner.username).await;
    assert_eq!(adopt(id, json!({})).await, refused(400, "INVALID_FIELD"));
    assert_eq!(adopt(Uuid::now_v7(), because("who?")).await, refused(404, "NOT_FOUND"));
    for (code, difference) in [("symbol", "symbol B instead of ACME"), ("side", "side sell instead of buy")] {
        let id = halted_for(&app, &owner.username, code, difference).await;
        assert_eq!(adopt(id, because("it is ours")).await, refused(422, "ORDER_NOT_ADOPTABLE"), "{code}");
    }
    let disown = format!("/api/admin/orders/{id}/disown");
    assert_eq!(admin.post(&disown, &because("a mistake")).await.0.as_u16(), 200);
    assert_eq!(adopt(id, because("too late")).await, refused(409, "ORDER_NOT_HALTED"));
    assert_eq!(count(&app, "select count(*) from queue.jobs where kind = 'adopt_order'").await, 0);
}

#[tokio::test]
async fn nothing_is_adopted_while_the_broker_can_not_be_asked() {
    for (app, code) in [
        (TestApp::start().await, "BROKER_NOT_CONFIGURED"),
        (by_hand::with_broker().start().await, "BROKER_UNAVAILABLE"),
    ] {
        let (admin, owner) = (administrator(&app).await, app.signed_up().await);
        let id = halted_order(&app, &owner.username).await;
        let answer = admin.post(&format!("/api/admin/orders/{id}/adopt"), &because("it is ours")).await;
        assert!(answer.2.contains_key("retry-after"));
        assert_eq!(outcome(answer), refused(503, code));
    }
}
