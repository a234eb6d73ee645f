//! Ending and changing orders.

use reqwest::Method;
use serde_json::{Value, json};

use super::by_hand;

#[tokio::test]
async fn an_order_that_was_never_sent_is_canceled_in_the_reply() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let order = by_hand::id_of(&by_hand::buy(&user, "AAPL", 1).await);
    let path = format!("/api/orders/{order}/cancel");
    let (status, reply, _) = user.post(&path, &json!({"reason": "changed my mind"})).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!((&reply["order"]["status"], &reply["workItemId"]), (&json!("canceled"), &Value::Null));
    for (method, path) in [
        (Method::POST, path),
        (Method::DELETE, format!("/api/orders/{order}")),
        (Method::DELETE, format!("/api/alpaca/orders/{order}")),
    ] {
        let response = user.request(method.clone(), &path).send().await.expect("an answer");
        assert_eq!(response.status(), 409, "{method} {path}");
        let reply: Value = response.json().await.expect("JSON");
        assert_eq!(
            (&reply["code"], &reply["details"]["status"]),
            (&json!("ALREADY_FINISHED"), &json!("canceled"))
        );
    }
    let audited =
        "select count(*) from audit_log where action = 'cancel_order' and reason = 'changed my mind'";
    assert_eq!(by_hand::count(&app, audited).await, 1);
}

#[tokio::test]
async fn for_an_order_at_the_broker_a_job_is_queued() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let first = by_hand::id_of(&by_hand::buy(&user, "AAPL", 10).await);
    let second = by_hand::id_of(&by_hand::buy(&user, "MSFT", 10).await);
    for order in [first, second] {
        by_hand::fill(&app, order, "1", "100").await;
    }
    let (status, reply, _) = user.post_empty(&format!("/api/orders/{first}/cancel")).await;
    assert_eq!(status, 200, "{reply}");
    assert!(reply["workItemId"].is_string() && reply["order"]["cancelRequestedAt"].is_string(), "{reply}");
    let path = format!("/api/alpaca/orders/broker-{}", second.simple());
    let (status, reply, headers) = user.delete(&path).await;
    assert_eq!((status.as_u16(), &reply), (204, &Value::Null));
    assert_eq!(headers["content-type"], "application/json");
    let queued = "select count(*) from queue.jobs where kind = 'cancel_order'";
    assert_eq!(by_hand::count(&app, queued).await, 2);
}

#[tokio::test]
async fn a_replacement_is_a_new_order_and_only_for_one_that_the_broker_has() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 10, "type": "limit", "limitPrice": 99});
    let (status, order, _) = user.post("/api/orders", &body).await;
    assert_eq!(status, 201, "{order}");
    let id = by_hand::id_of(&order);
    let path = format!("/api/orders/{id}");
    let (status, reply, _) = user.patch(&path, &json!({"limitPrice": "98.5"})).await;
    assert_eq!((status.as_u16(), &reply["code"]), (422, &json!("ORDER_NOT_REPLACEABLE")), "{reply}");
    by_hand::fill(&app, id, "0", "0").await;
    for body in [json!({}), json!({"qty": 0}), json!({"limitPrice": "cheap"}), json!([])] {
        assert_eq!(user.patch(&path, &body).await.0, 400, "{body}");
    }
    let (status, reply, _) = user.patch(&path, &json!({"limit_price": 98.555})).await;
    assert_eq!((status.as_u16(), &reply["code"]), (400, &json!("ORDER_PRICE_TICK")), "{reply}");
    let (status, new, _) = user.patch(&path, &json!({"limitPrice": "98.5"})).await;
    assert_eq!(status, 200, "{new}");
    assert_eq!((&new["replacesOrderId"], &new["limitPrice"]), (&order["id"], &json!("98.5")), "{new}");
    let queued = "select count(*) from queue.jobs where kind = 'replace_order'";
    assert_eq!(by_hand::count(&app, queued).await, 1);
}
