//! Positions, the account, and what is known of the broker.

use serde_json::{Value, json};
use suites::TestApp;
use worker::commands::admin::{AdminArgs, act};

use super::by_hand;

#[tokio::test]
async fn positions_are_the_callers_share_at_the_brokers_prices() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let order = by_hand::id_of(&by_hand::buy(&user, "AAPL", 10).await);
    by_hand::fill(&app, order, "10", "100").await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    by_hand::sync(&mut conn, &[by_hand::position("AAPL", "30", "90", "110")]).await;
    drop(conn);

    let (status, reply, _) = user.get("/api/positions").await;
    assert_eq!(status, 200, "{reply}");
    let position = &reply["positions"][0];
    for (key, expected) in [
        ("quantity", 10.0),
        ("entryPrice", 100.0),
        ("currentPrice", 110.0),
        ("unrealizedPnl", 100.0),
        ("unrealizedPnlPercent", 10.0),
        ("marketValue", 1100.0),
        ("costBasis", 1000.0),
        ("changeToday", 1.25),
    ] {
        assert_eq!(position[key], json!(expected), "{key}: {position}");
    }
    assert_eq!((&position["side"], &position["exchange"]), (&json!("long"), &json!("NASDAQ")));
    assert_eq!(position["_metadata"]["source"], "alpaca");
    assert_eq!(position["_metadata"]["hasDatabaseRecord"], json!(true));
    assert_eq!(position["_source"], reply["_source"]);

    let plain = user.get("/api/trading/positions").await.1;
    assert_eq!(plain[0]["symbol"], "AAPL", "{plain}");
    let raw = user.get("/api/alpaca/positions").await.1;
    assert_eq!((&raw[0]["qty"], &raw[0]["asset_id"]), (&json!("10"), &json!("asset-AAPL")), "{raw}");
    for id in ["AAPL", "aapl"] {
        assert_eq!(user.get(&format!("/api/positions/{id}")).await.1["quantity"], json!(10.0));
    }
    assert_eq!(user.get("/api/positions/MSFT").await.0, 404);

    let snapshot = user.get("/api/positions/snapshot").await.1;
    for (key, expected) in [
        ("totalEquity", 101_000.0),
        ("cash", 100_000.0),
        ("dailyPl", 1000.0),
        ("dailyPlPct", 1.0),
        ("totalUnrealizedPl", 100.0),
    ] {
        assert_eq!(snapshot[key], json!(expected), "{key}: {snapshot}");
    }
    assert_eq!((&snapshot["positionCount"], &snapshot["shortPositions"]), (&json!(1), &json!(0)));
    let portfolio = user.get("/api/portfolio/snapshot").await.1;
    assert_eq!(portfolio["todayPnL"], json!(1000.0), "{portfolio}");
    assert_eq!((&portfolio["totalPositions"], &portfolio["accountStatus"]), (&json!(1), &json!("ACTIVE")));
    let summary = user.get("/api/analytics/summary").await.1;
    assert_eq!(summary["unrealizedPnl"], "100.00", "{summary}");
    assert_eq!((&summary["winRate"], &summary["account"]["equity"]), (&json!("0.0"), &json!("101000.00")));
    assert_eq!(summary["riskControls"]["maxPositionSizePercent"], "10");
}

#[tokio::test]
async fn only_an_administrator_sees_what_nobody_here_bought() {
    let app = by_hand::start().await;
    let (user, admin) = (app.signed_up().await, app.signed_up().await);
    act(&app.pool, AdminArgs::Grant { username: admin.username.clone() }).await.expect("the user is there");
    let mut conn = app.pool.acquire().await.expect("a connection");
    by_hand::sync(&mut conn, &[by_hand::position("MSFT", "-3", "100", "90")]).await;
    drop(conn);
    assert_eq!(user.get("/api/trading/positions").await.1, json!([]));
    let seen = admin.get("/api/trading/positions").await.1;
    assert_eq!(seen[0]["_metadata"]["hasDatabaseRecord"], json!(false), "{seen}");
    assert_eq!((&seen[0]["side"], &seen[0]["quantity"]), (&json!("short"), &json!(3.0)));
    assert_eq!(seen[0]["unrealizedPnl"], json!(30.0));
}

#[tokio::test]
async fn the_account_is_the_brokers_own_object() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for path in ["/api/trading/account", "/api/alpaca/account"] {
        let (status, account, _) = user.get(path).await;
        assert_eq!(status, 200, "{account}");
        assert_eq!((&account["cash"], &account["buying_power"]), (&json!("100000"), &json!("200000")));
    }
}

#[tokio::test]
async fn what_was_read_long_ago_is_shown_as_stale() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    sqlx::query("update broker_state set synced_at = now() - interval '91 seconds'")
        .execute(&app.pool)
        .await
        .expect("the state is made old");
    let (status, reply, _) = user.get("/api/positions").await;
    let source = &reply["_source"];
    assert_eq!(status, 200);
    assert_eq!((&source["source"], &source["isStale"]), (&json!("cache_stale"), &json!(true)), "{reply}");
    assert!(source["cacheAge"].as_f64().is_some_and(|age| age > 90.0), "{reply}");
}

/// What needs the broker's word.
const BROKERS: [&str; 7] = [
    "/api/positions",
    "/api/trading/positions",
    "/api/alpaca/positions",
    "/api/trading/account",
    "/api/alpaca/account",
    "/api/positions/snapshot",
    "/api/portfolio/snapshot",
];

#[tokio::test]
async fn without_a_broker_what_is_ours_is_shown_and_the_rest_says_why_not() {
    for (app, code) in [
        (TestApp::start().await, "BROKER_NOT_CONFIGURED"),
        (by_hand::with_broker().start().await, "BROKER_UNAVAILABLE"),
    ] {
        let user = app.signed_up().await;
        for path in BROKERS {
            let (status, reply, headers) = user.get(path).await;
            assert_eq!((status.as_u16(), &reply["code"]), (503, &json!(code)), "{path}: {reply}");
            assert_eq!(reply["error"], reply["message"], "{path}");
            assert!(headers.contains_key("retry-after"), "{path}");
        }
        let positions = user.get("/api/positions").await.1;
        assert_eq!(positions["_source"]["source"], "unavailable");
        for path in ["/api/orders", "/api/orders/recent", "/api/fills"] {
            let (status, reply, _) = user.get(path).await;
            assert_eq!(
                (status.as_u16(), &reply["_source"]["source"]),
                (200, &json!("unavailable")),
                "{path}"
            );
        }
        for path in ["/api/trading/orders", "/api/trades", "/api/analytics/summary", "/api/activity/timeline"]
        {
            assert_eq!(user.get(path).await.0, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn the_market_status_names_one_session() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (status, reply, _) = user.get("/api/alpaca/market-status").await;
    assert_eq!(status, 200);
    let word = reply["session"].as_str().expect("a word");
    assert!(["pre-market", "regular", "after-hours", "closed"].contains(&word), "{reply}");
    for key in ["isOpen", "isPreMarket", "isAfterHours", "isExtendedHours"] {
        assert!(reply[key].is_boolean(), "{key}: {reply}");
    }
    for key in ["currentTime", "nextOpen", "nextClose"] {
        assert!(reply[key].as_str().is_some_and(|time| time.ends_with('Z')), "{key}: {reply}");
    }
}

#[tokio::test]
async fn a_reconciliation_is_queued_and_its_result_can_be_read() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    for path in ["/api/trading/reconcile", "/api/positions/reconcile?force=true", "/api/orders/sync"] {
        let (status, reply, _) = user.post_empty(path).await;
        assert_eq!((status.as_u16(), &reply["success"]), (200, &json!(true)), "{path}: {reply}");
        assert!(reply["workItemId"].is_string(), "{path}: {reply}");
    }
    let (status, reply, _) = user.get("/api/positions/reconcile/status").await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply.get("lastRun"), Some(&Value::Null), "{reply}");
    assert!(reply["isReconciling"].is_boolean() && reply["interval"].is_number(), "{reply}");
    sqlx::query(
        "insert into reconciliations (reconciliation_id, trigger, started_at, finished_at, status, synced,
                                      total_value, duration_ms)
         values (gen_random_uuid(), 'schedule', now(), now(), 'completed', 3, 12.5, 40)",
    )
    .execute(&app.pool)
    .await
    .expect("a run");
    let last = user.get("/api/positions/reconcile/status").await.1["lastRun"].clone();
    assert_eq!((&last["status"], &last["synced"]), (&json!("success"), &json!(3)), "{last}");
    assert_eq!((&last["totalValue"], &last["duration_ms"]), (&json!(12.5), &json!(40)), "{last}");
    let none = TestApp::start().await;
    let (status, reply, _) = none.signed_up().await.post_empty("/api/trading/reconcile").await;
    assert_eq!((status.as_u16(), &reply["code"]), (503, &json!("BROKER_NOT_CONFIGURED")));
}
