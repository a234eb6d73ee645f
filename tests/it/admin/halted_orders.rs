//! An operator's word on orders that were halted.

use serde_json::{Value, json};
use suites::TestApp;
use uuid::Uuid;

use super::{administrator, because};

async fn halted_order(app: &TestApp, user: &str) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into orders (order_id, user_id, client_order_id, symbol, side, order_type, time_in_force, qty,
                             status, origin, reject_code, reject_message)
         select $1, user_id, $1::text, 'ACME', 'buy', 'market', 'day', 10, 'halted', 'user', 'quantity',
                'qty 11 instead of 10'
           from users where username = $2",
    )
    .bind(id)
    .bind(user)
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
