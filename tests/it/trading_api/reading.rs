//! Reading orders, fills and trades.

use serde_json::{Value, json};

use super::by_hand;

#[tokio::test]
async fn an_order_has_the_keys_and_types_that_clients_read() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let placed = by_hand::buy(&user, "AAPL", 10).await;
    for key in [
        "id",
        "broker",
        "clientOrderId",
        "symbol",
        "side",
        "type",
        "timeInForce",
        "status",
        "submittedAt",
        "createdAt",
        "updatedAt",
        "orderClass",
        "qty",
        "filledQty",
        "workItemId",
        "origin",
    ] {
        assert!(placed[key].is_string(), "{key}: {placed}");
    }
    for key in [
        "brokerOrderId",
        "notional",
        "limitPrice",
        "stopPrice",
        "filledAt",
        "expiredAt",
        "canceledAt",
        "failedAt",
        "filledAvgPrice",
        "decisionId",
        "tradeIntentId",
        "rawJson",
    ] {
        assert!(placed.get(key).is_some_and(Value::is_null), "{key}: {placed}");
    }
    assert_eq!(placed["extendedHours"], json!(false));
    assert_eq!((&placed["qty"], &placed["status"]), (&json!("10"), &json!("pending")));
    let id = by_hand::id_of(&placed);
    by_hand::fill(&app, id, "10", "101.5").await;
    for key in [id.to_string(), format!("broker-{}", id.simple())] {
        let (status, reply, _) = user.get(&format!("/api/orders/{key}")).await;
        assert_eq!(status, 200, "{reply}");
        let order = &reply["order"];
        assert_eq!((&order["status"], &order["filledAvgPrice"]), (&json!("filled"), &json!("101.5")));
        assert_eq!(order["id"], placed["id"]);
        assert!(order["filledAt"].is_string() && order["rawJson"].is_object(), "{order}");
        assert_eq!(reply["fills"][0]["qty"], "10");
        assert_eq!(reply["_source"]["source"], "alpaca_live");
        let raw = user.get(&format!("/api/alpaca/orders/{key}")).await.1;
        assert_eq!(raw["id"], placed["id"], "the id of the first reply holds: {raw}");
        assert_eq!((&raw["filled_qty"], &raw["asset_id"]), (&json!("10"), &json!("asset")));
        assert_eq!((&raw["order_class"], &raw["type"]), (&json!(""), &json!("market")));
    }
    let recent = user.get("/api/orders/recent?limit=5").await.1;
    let order = &recent["orders"][0];
    for key in ["quantity", "filledQuantity", "filledAvgPrice"] {
        assert!(order[key].is_number(), "{key}: {order}");
    }
    assert_eq!(order["assetClass"], "us_equity");
}

#[tokio::test]
async fn lists_go_on_where_the_cursor_says_and_filter_by_state() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let mut ids = Vec::new();
    for (symbol, qty) in [("AAPL", 1), ("MSFT", 2), ("AAPL", 3), ("MSFT", 4), ("AAPL", 5)] {
        ids.push(by_hand::id_of(&by_hand::buy(&user, symbol, qty).await));
    }
    by_hand::fill(&app, ids[0], "1", "100").await;
    ids.reverse();
    for path in ["/api/orders", "/api/trading/orders", "/api/alpaca/orders"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, reply, headers) = user.get(&format!("{path}?limit=2&cursor={cursor}")).await;
            assert_eq!(status, 200, "{reply}");
            let list = reply.get("orders").unwrap_or(&reply).as_array().expect("a list").clone();
            seen.extend(list.iter().map(by_hand::id_of));
            let Some(next) = headers.get("x-next-cursor") else { break };
            next.to_str().expect("text").clone_into(&mut cursor);
        }
        assert_eq!(seen, ids, "{path}");
        for (query, count) in [
            ("status=open", 4),
            ("status=closed", 1),
            ("status=all", 5),
            ("status=filled", 1),
            ("status=cancelled", 0),
            ("symbol=msft", 2),
            ("status=open&symbol=AAPL", 2),
        ] {
            let reply = user.get(&format!("{path}?{query}")).await.1;
            let list = reply.get("orders").unwrap_or(&reply).as_array().expect("a list").len();
            assert_eq!(list, count, "{path}?{query}");
        }
        let (status, reply, _) = user.get(&format!("{path}?status=perhaps")).await;
        assert_eq!((status.as_u16(), &reply["code"]), (400, &json!("INVALID_QUERY")));
        let (status, ..) = user.get(&format!("{path}?limit=0")).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn fills_become_trades_with_what_they_gained() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let bought = by_hand::id_of(&by_hand::buy(&user, "AAPL", 10).await);
    by_hand::fill(&app, bought, "4", "100").await;
    by_hand::fill(&app, bought, "10", "100").await;
    let (status, sold, _) =
        user.post("/api/orders", &json!({"symbol": "AAPL", "side": "sell", "qty": 5})).await;
    assert_eq!(status, 201, "{sold}");
    by_hand::fill(&app, by_hand::id_of(&sold), "5", "110").await;

    let trades = user.get("/api/trades").await.1;
    let trades = trades.as_array().expect("a plain array");
    assert_eq!(trades.len(), 3);
    assert_eq!((&trades[0]["side"], &trades[0]["pnl"]), (&json!("sell"), &json!("50")));
    assert_eq!((&trades[1]["quantity"], &trades[1]["pnl"]), (&json!("6"), &Value::Null));
    assert!(trades[0]["price"].is_string() && trades[0]["executedAt"].is_string(), "{}", trades[0]);

    for (query, total) in [
        ("", 3),
        ("?pnlDirection=profit", 1),
        ("?pnlDirection=loss", 0),
        ("?pnlDirection=all&limit=1", 3),
        ("?symbol=MSFT", 0),
        ("?startDate=2020-01-01&endDate=2020-12-31", 0),
        ("?startDate=2020-01-01", 3),
        ("?strategyId=nonsense", 0),
    ] {
        let (status, reply, _) = user.get(&format!("/api/trades/enriched{query}")).await;
        assert_eq!((status.as_u16(), &reply["total"]), (200, &json!(total)), "{query}: {reply}");
    }
    let best = user.get("/api/trades/enriched?pnlDirection=profit").await.1["trades"][0].clone();
    assert_eq!((&best["value"], &best["pnlPercent"]), (&json!(550.0), &json!(10.0)), "{best}");
    for query in ["pnlDirection=up", "startDate=soon", "offset=-1", "limit=501"] {
        let (status, reply, _) = user.get(&format!("/api/trades/enriched?{query}")).await;
        assert_eq!((status.as_u16(), &reply["code"]), (400, &json!("INVALID_QUERY")), "{query}");
    }

    for path in [format!("/api/fills/order/{bought}"), format!("/api/orders/fills/{bought}")] {
        let reply = user.get(&path).await.1;
        assert_eq!(reply["fills"].as_array().map(Vec::len), Some(2), "{path}: {reply}");
    }
    assert_eq!(user.get("/api/fills?limit=2").await.1["fills"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_timeline_shows_orders_trades_and_changes_page_by_page() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let order = by_hand::id_of(&by_hand::buy(&user, "AAPL", 10).await);
    by_hand::fill(&app, order, "10", "100").await;
    user.post("/api/risk/kill-switch", &json!({"activate": true, "reason": "lunch"})).await;
    let all = user.get("/api/activity/timeline").await.1;
    let events = all["events"].as_array().expect("a list").clone();
    assert!(events.iter().any(|event| event["category"] == "order" && event["status"] == "filled"), "{all}");
    assert!(events.iter().any(|event| event["category"] == "trade"), "{all}");
    assert!(events.iter().any(|event| event["category"] == "risk" && event["subtitle"] == "lunch"), "{all}");
    assert_eq!((&all["hasMore"], &all["cursor"]), (&json!(false), &Value::Null));
    assert_eq!(all["meta"]["alpacaConnected"], json!(true));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/api/activity/timeline?limit=1&cursor={cursor}")).await.1;
        seen.extend(page["events"].as_array().expect("a list").clone());
        assert_eq!(page["hasMore"], json!(page["cursor"].is_string()));
        let Some(next) = page["cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(seen, events);
    let risk = user.get("/api/activity/timeline?category=risk").await.1;
    assert!(risk["events"].as_array().is_some_and(|all| all.iter().all(|event| event["category"] == "risk")));
    assert_eq!(user.get("/api/activity/timeline?category=weather").await.0, 400);
}
