//! Workers, leaders, the database.

use chrono::{DateTime, Utc};
use serde_json::json;
use suites::{TestApp, eventually};

use super::{LIMIT, administrator, idle_worker};

#[tokio::test]
async fn workers_are_shown_while_they_are_seen() {
    let app = TestApp::builder().workers(1).start().await;
    let admin = administrator(&app).await;
    idle_worker(&app).await;
    sqlx::query("update queue.workers set seen_at = now() - interval '1 minute' where host = 'there'")
        .execute(&app.pool)
        .await
        .expect("aged");
    let workers = eventually("both are shown", LIMIT, async || {
        let (_, workers, _) = admin.get("/api/admin/workers").await;
        if workers.as_array().is_some_and(|all| all.len() == 2) { Ok(workers) } else { Err(workers) }
    })
    .await;
    assert_eq!((&workers[0]["live"], &workers[0]["pid"]), (&json!(true), &json!(std::process::id())));
    assert!(workers[0]["kinds"].as_array().expect("kinds").contains(&json!("run_backtest")));
    assert_eq!((&workers[1]["live"], &workers[1]["host"]), (&json!(false), &json!("there")));
}

#[tokio::test]
async fn the_leader_of_a_role_is_shown_with_its_term() {
    let app = TestApp::builder().workers(1).start().await;
    let admin = administrator(&app).await;
    let leaders = eventually("somebody leads", LIMIT, async || {
        let (_, leaders, _) = admin.get("/api/admin/leader").await;
        if leaders[0]["live"] == json!(true) { Ok(leaders) } else { Err(leaders) }
    })
    .await;
    assert!(leaders[0]["term"].as_i64().is_some_and(|term| term >= 1), "{leaders}");
    let (_, workers, _) = admin.get("/api/admin/workers").await;
    assert_eq!(leaders[0]["holder"], workers[0]["id"]);
}

#[tokio::test]
async fn the_database_is_shown_with_its_tables() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let (status, health, _) = admin.get("/api/admin/database").await;
    assert_eq!(status, 200, "{health}");
    for field in ["sizeBytes", "connections", "maxConnections"] {
        assert!(health[field].as_i64().is_some_and(|number| number > 0), "{field}: {health}");
    }
    assert!(health["notifyQueue"].as_f64().is_some_and(|share| (0.0..1.0).contains(&share)));
    let tables = health["tables"].as_array().expect("tables");
    let names: Vec<&str> = tables.iter().filter_map(|table| table["table"].as_str()).collect();
    assert!(names.contains(&"jobs") && names.contains(&"finished"), "{names:?}");
    assert!(tables.iter().all(|table| table["deadTuples"].is_i64()), "{health}");
    assert!(!names.iter().any(|name| name.contains("default")), "partitions are summed up: {names:?}");
}

#[tokio::test]
async fn an_open_transaction_shows_in_the_health_of_the_database() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let mut held = app.pool.begin().await.expect("a transaction");
    sqlx::raw_sql("set local idle_in_transaction_session_timeout = 0")
        .execute(&mut *held)
        .await
        .expect("it may be silent for long");
    let (_, begun): (String, DateTime<Utc>) =
        sqlx::query_as("select pg_current_xact_id()::text, transaction_timestamp()")
            .fetch_one(&mut *held)
            .await
            .expect("it has an id now");
    for _ in 0..5 {
        sqlx::query("select pg_current_xact_id()::text").execute(&app.pool).await.expect("another one");
    }
    let (_, health, _) = admin.get("/api/admin/database").await;
    assert!(health["oldestXminAge"].as_i64().is_some_and(|age| age >= 5), "{health}");
    let since = health["oldestTransaction"].as_str().expect("a time").parse::<DateTime<Utc>>();
    // The answer has whole milliseconds.
    assert!(
        since.expect("a time") <= begun + chrono::Duration::milliseconds(1),
        "{health}, held since {begun}"
    );
    held.rollback().await.expect("it is open still");
}

#[tokio::test]
async fn breakers_are_shown_by_process_while_it_says_so() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    sqlx::raw_sql(
        "insert into external_status (provider, process, breaker, since, last_error, seen_at)
         values ('alpaca_trading', 'here:1', 'open', now(), 'no answer within 2s', now()),
                ('alpaca_trading', 'gone:2', 'closed', now(), null, now() - interval '1 minute')",
    )
    .execute(&app.pool)
    .await
    .expect("what two processes said");
    let (status, shown, _) = admin.get("/api/admin/providers").await;
    assert_eq!((status.as_u16(), shown.as_array().map(Vec::len)), (200, Some(1)), "{shown}");
    assert_eq!((&shown[0]["process"], &shown[0]["breaker"]), (&json!("here:1"), &json!("open")));
    assert_eq!(shown[0]["lastError"], json!("no answer within 2s"));
}
