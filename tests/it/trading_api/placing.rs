//! Asking for orders: one path behind three addresses.

use std::time::Duration;

use domain::order::OrderStatus;
use jobs::db::orders;
use serde_json::{Value, json};
use suites::{TestApp, eventually};

use super::by_hand;

const PATHS: [(&str, u16); 3] =
    [("/api/orders", 201), ("/api/trading/orders", 201), ("/api/alpaca/orders", 200)];

#[tokio::test]
async fn every_address_records_the_order_and_its_job_and_replies_in_its_own_shape() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for (n, (path, expected)) in PATHS.into_iter().enumerate() {
        let qty = n + 1;
        for body in [
            json!({"symbol": "AAPL", "side": "buy", "qty": qty}),
            json!({"symbol": "msft", "side": "buy", "qty": qty.to_string(), "type": "limit", "limit_price": "99.5",
                "time_in_force": "gtc"}),
        ] {
            let (status, order, _) = user.post(path, &body).await;
            assert_eq!(status, expected, "{path}: {order}");
            let id = by_hand::id_of(&order);
            assert_eq!(order["qty"], json!(qty.to_string()), "{order}");
            if path == "/api/alpaca/orders" {
                assert_eq!(order["status"], "pending_new");
                assert_eq!(order["client_order_id"], json!(format!("cap-{}", id.simple())));
            } else {
                assert_eq!(order["status"], "pending");
                assert_eq!(order["clientOrderId"], json!(format!("cap-{}", id.simple())));
            }
            let job: (String, String) = sqlx::query_as(
                "select j.kind, j.queue from queue.jobs j join orders o on o.job_id = j.job_id
                  where o.order_id = $1",
            )
            .bind(id)
            .fetch_one(&app.pool)
            .await
            .expect("the job that sends it");
            assert_eq!(job, ("submit_order".to_owned(), "orders".to_owned()));
        }
    }
    let audited = "select count(*) from audit_log where action = 'place_order'";
    assert_eq!(by_hand::count(&app, audited).await, 6);
}

#[tokio::test]
async fn a_body_that_is_no_order_gets_the_code_of_its_field_and_records_nothing() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let with = |key: &str, value: Value| {
        let mut body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
        body[key] = value;
        body
    };
    for (body, code, field) in [
        (with("qty", json!(-1)), "ORDER_QTY_INVALID", "qty"),
        (with("qty", json!("many")), "ORDER_QTY_INVALID", "qty"),
        (with("qty", Value::Null), "ORDER_AMOUNT_REQUIRED", "qty"),
        (with("notional", json!(5)), "ORDER_AMOUNT_AMBIGUOUS", "qty"),
        (with("side", json!("hold")), "ORDER_SIDE_INVALID", "side"),
        (with("symbol", json!("")), "ORDER_SYMBOL_REQUIRED", "symbol"),
        (with("type", json!("limit")), "ORDER_LIMIT_PRICE_REQUIRED", "limit_price"),
        (with("time_in_force", json!("soon")), "ORDER_TIME_IN_FORCE_INVALID", "time_in_force"),
        (with("timeInForce", json!("soon")), "ORDER_TIME_IN_FORCE_INVALID", "timeInForce"),
        (json!([]), "BODY_NOT_AN_OBJECT", ""),
        (json!("buy"), "BODY_NOT_AN_OBJECT", ""),
    ] {
        for (path, _) in PATHS {
            let (status, reply, _) = user.post(path, &body).await;
            assert_eq!((status.as_u16(), &reply["code"]), (400, &json!(code)), "{path} {body}: {reply}");
            assert_eq!(reply["details"]["field"], field, "{body}: {reply}");
        }
    }
    let (status, reply, _) = user.post_empty("/api/orders").await;
    assert_eq!(status, 400, "{reply}");
    assert_eq!(by_hand::count(&app, "select count(*) from orders").await, 0);
    assert_eq!(by_hand::count(&app, "select count(*) from queue.jobs").await, 0);
}

#[tokio::test]
async fn a_rule_that_refuses_is_named_with_its_figures() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    jobs::db::broker_state::store_asset(&mut conn, "ZZZZ", None).await.expect("an unknown asset");
    drop(conn);
    let (status, reply, _) =
        user.post("/api/orders", &json!({"symbol": "ZZZZ", "side": "buy", "qty": 1})).await;
    assert_eq!((status.as_u16(), &reply["code"]), (422, &json!("ORDER_SYMBOL_UNKNOWN")), "{reply}");

    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 500, "type": "limit", "limitPrice": 100});
    let (status, reply, _) = user.post("/api/orders", &body).await;
    assert_eq!((status.as_u16(), &reply["code"]), (422, &json!("RISK_REFUSED")), "{reply}");
    assert_eq!(reply["details"]["rule"], "max_position", "{reply}");
    assert!(reply["details"]["limit"].is_number() && reply["details"]["actual"].is_number(), "{reply}");

    user.post("/api/risk/kill-switch", &json!({"activate": true})).await;
    for (path, _) in PATHS {
        let (status, reply, _) = user.post(path, &json!({"symbol": "AAPL", "side": "buy", "qty": 1})).await;
        assert_eq!(status, 422, "{reply}");
        assert_eq!(reply["details"]["rule"], "kill_switch", "{path}: {reply}");
    }
    assert_eq!(by_hand::count(&app, "select count(*) from orders").await, 0);
}

#[tokio::test]
async fn without_a_broker_nothing_is_stored() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for (path, _) in PATHS {
        let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1});
        let request = user.request(reqwest::Method::POST, path).header("idempotency-key", "k").json(&body);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 503, "{path}");
        let reply: Value = response.json().await.expect("JSON");
        assert_eq!(reply["code"], "BROKER_NOT_CONFIGURED", "{path}");
        let (status, ..) = user.post(path, &json!({"symbol": "AAPL", "side": "buy", "qty": -1})).await;
        assert_eq!(status, 400, "{path}");
    }
    for table in ["select count(*) from orders", "select count(*) from idempotency_keys"] {
        assert_eq!(by_hand::count(&app, table).await, 0);
    }
}

#[tokio::test]
async fn an_order_may_be_for_a_strategy_of_the_callers_own() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let strategy = json!({"name": "mine", "type": "momentum"});
    let id = user.post("/api/strategies", &strategy).await.1["id"].clone();
    let body = json!({"symbol": "AAPL", "side": "buy", "qty": 1, "strategyId": id});
    assert_eq!(other.post("/api/orders", &body).await.0, 404);
    let (status, order, _) = user.post("/api/orders", &body).await;
    assert_eq!((status.as_u16(), &order["strategyId"]), (201, &id), "{order}");
    by_hand::fill(&app, by_hand::id_of(&order), "1", "100").await;
    let trade = user.get("/api/trades").await.1[0].clone();
    assert_eq!((&trade["strategyId"], &trade["strategyName"]), (&id, &json!("mine")));
}

#[tokio::test]
async fn the_brokers_address_says_what_became_of_the_order() {
    let app = by_hand::with_broker().config(|config| config.api.run_wait_ms = 20_000).start().await;
    let user = app.signed_up().await;
    for (qty, rule) in [(1, None), (2, Some("tradable_asset")), (3, Some("buying_power"))] {
        let body = json!({"symbol": "ACME", "side": "buy", "qty": qty});
        let (answer, ()) = tokio::join!(user.post("/api/alpaca/orders", &body), meanwhile(&app, rule));
        let (status, reply, _) = answer;
        match rule {
            None => {
                assert_eq!((status.as_u16(), &reply["status"]), (200, &json!("new")), "{reply}");
                assert!(reply["broker_order_id"].is_string(), "{reply}");
            }
            Some(rule) => {
                let code = if rule == "tradable_asset" { "ORDER_SYMBOL_UNKNOWN" } else { "ORDER_REJECTED" };
                assert_eq!((status.as_u16(), &reply["code"]), (422, &json!(code)), "{reply}");
                assert_eq!((&reply["details"]["rule"], &reply["message"]), (&json!(rule), &json!("because")));
            }
        }
    }
}

/// Does a worker's part: waits for the pending order, and sends or refuses it.
async fn meanwhile(app: &TestApp, rule: Option<&str>) {
    let id = eventually("the order is recorded", Duration::from_secs(30), async || {
        let pending = sqlx::query_scalar("select order_id from orders where status = 'pending'");
        pending.fetch_optional(&app.pool).await.expect("the database answers")
    })
    .await;
    let Some(rule) = rule else { return by_hand::fill(app, id, "0", "0").await };
    let mut tx = app.pool.begin().await.expect("a transaction");
    let ended = orders::end_before_sending(&mut tx, id, OrderStatus::Rejected, rule, "because").await;
    assert!(ended.expect("an answer"), "it was pending");
    tx.commit().await.expect("a commit");
}
