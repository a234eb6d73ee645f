//! Orders, positions and the ledger over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::desk::{Desk, buy, resting};

#[tokio::test]
async fn an_order_is_placed_found_and_filled() {
    let desk = Desk::open().await;
    let order = desk.place(&buy("job-1", 10)).await;
    assert_eq!((&order["client_order_id"], &order["qty"]), (&json!("job-1"), &json!("10")));
    desk.pass().await;
    let found = desk.get("/v2/orders:by_client_order_id?client_order_id=job-1").await;
    assert_eq!((&found["id"], &found["status"]), (&order["id"], &json!("filled")));
    let path = format!("/v2/orders/{}", order["id"].as_str().expect("an id"));
    assert_eq!(desk.get(&path).await, found);
    assert_eq!(desk.get("/v2/orders").await, json!([]));
    assert_eq!(desk.get("/v2/orders?status=all&limit=1").await, json!([found]));
    let position = desk.get("/v2/positions/AAPL").await;
    assert_eq!((&position["qty"], &position["side"]), (&json!("10"), &json!("long")));
    assert_eq!(desk.get("/v2/account/activities/FILL").await[0]["order_id"], order["id"]);
    let history = desk.get("/v2/account/portfolio/history?period=1D&timeframe=1Min").await;
    assert_eq!(history["timestamp"].as_array().map(Vec::len), history["equity"].as_array().map(Vec::len));
}

#[tokio::test]
async fn refusals_have_the_providers_shape() {
    let desk = Desk::open().await;
    desk.place(&buy("job-1", 1)).await;
    let unique = json!({ "code": 40_010_001, "message": "client_order_id must be unique" });
    assert_eq!(desk.post(&buy("job-1", 1)).await, (StatusCode::UNPROCESSABLE_ENTITY, unique));
    let (status, body) = desk.post(&buy("job-2", 1_000_000)).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!(40_310_000)));
    assert_eq!(body["message"], "insufficient buying power");
    assert!(body["buying_power"].is_string() && body["cost_basis"].is_string());
    for (method, path, code) in [
        (Method::GET, "/v2/orders/00000000-0000-0000-0000-000000000000", 404),
        (Method::DELETE, "/v2/orders/nonsense", 404),
        (Method::GET, "/v2/orders:by_client_order_id?client_order_id=other", 404),
        (Method::GET, "/v2/positions/MSFT", 404),
        (Method::GET, "/v2/orders?status=lost", 422),
        (Method::GET, "/v2/orders?limit=501", 422),
        (Method::POST, "/v2/orders", 400),
    ] {
        let (status, body) = desk.ask(method, path, None).await;
        assert_eq!(status.as_u16(), code, "{path}: {body}");
        assert!(body["code"].is_u64() && body["message"].is_string(), "{path}: {body}");
    }
}

#[tokio::test]
async fn orders_are_replaced_and_canceled() {
    let desk = Desk::open().await;
    let order = desk.place(&resting("job-1")).await;
    desk.place(&resting("job-2")).await;
    desk.pass().await;
    let path = |order: &Value| format!("/v2/orders/{}", order["id"].as_str().expect("an id"));
    let change = json!({ "limit_price": 1.5 });
    let (status, new) = desk.ask(Method::PATCH, &path(&order), Some(&change)).await;
    assert_eq!((status, &new["replaces"]), (StatusCode::OK, &order["id"]), "{new}");
    let canceled = desk.ask(Method::DELETE, &path(&new), None).await;
    assert_eq!(canceled, (StatusCode::NO_CONTENT, Value::Null));
    let (status, body) = desk.ask(Method::DELETE, &path(&new), None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["message"], "order is already in \"canceled\" state");
    let (status, body) = desk.ask(Method::DELETE, "/v2/orders", None).await;
    assert_eq!((status, &body[0]["status"]), (StatusCode::MULTI_STATUS, &json!(200)));
    assert_eq!(desk.get("/v2/orders").await, json!([]));
}

#[tokio::test]
async fn positions_are_closed() {
    let desk = Desk::open().await;
    desk.place(&buy("job-1", 10)).await;
    desk.pass().await;
    let (status, order) = desk.ask(Method::DELETE, "/v2/positions/AAPL?percentage=50", None).await;
    assert_eq!((status, &order["qty"], &order["side"]), (StatusCode::OK, &json!("5"), &json!("sell")));
    desk.pass().await;
    let (status, body) = desk.ask(Method::DELETE, "/v2/positions?cancel_orders=true", None).await;
    assert_eq!((status, &body[0]["symbol"]), (StatusCode::MULTI_STATUS, &json!("AAPL")));
    desk.pass().await;
    assert_eq!(desk.get("/v2/positions").await, json!([]));
}

#[tokio::test]
async fn the_ledger_counts_every_request() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        desk.post(&buy("job-1", 1)).await;
    }
    desk.post(&buy("job-2", 1)).await;
    desk.post(&buy("job-3", 1_000_000)).await;
    let ledger = desk.get("/sandbox/ledger").await;
    assert_eq!(
        (&ledger["posts"], &ledger["accepted"], &ledger["duplicates"]),
        (&json!(5), &json!(2), &json!(2))
    );
    let posts: Vec<_> =
        ledger["orders"].as_array().into_iter().flatten().map(|order| &order["posts"]).collect();
    assert_eq!(posts, [&json!(3), &json!(1)]);
    let (status, _) = desk.ask(Method::POST, "/sandbox/reset", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(desk.get("/sandbox/ledger").await["posts"], 0);
}

#[tokio::test]
async fn trading_is_switched_off_by_its_user() {
    let desk = Desk::open().await;
    let off = json!({ "suspend_trade": true });
    let (status, body) = desk.ask(Method::PATCH, "/v2/account/configurations", Some(&off)).await;
    assert_eq!((status, &body["suspend_trade"]), (StatusCode::OK, &json!(true)));
    let (status, body) = desk.post(&buy("job-1", 1)).await;
    assert_eq!(
        (status, &body["message"]),
        (StatusCode::FORBIDDEN, &json!("new orders are rejected by user request"))
    );
    assert_eq!(desk.get("/v2/account").await["trade_suspended_by_user"], true);
}
