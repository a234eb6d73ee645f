//! Workers that die in the middle of a cycle.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use chrono::{DateTime, Utc};
use jobs::db::{agents, cycles};
use nix::sys::signal::Signal;
use suites::{Capstan, Sandbox, TestDatabase, eventually};
use uuid::Uuid;

use super::{LIMIT, keep_bars};

/// A process of a debug build, on a machine busy with other tests.
const STARTED: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_whose_workers_crash_decides_and_orders_once() {
    if !cfg!(debug_assertions) {
        return;
    }
    let database = TestDatabase::create().await;
    let exchange = Sandbox::start(7, 0.0).await;
    let worker = || {
        let command = Capstan::command(&["worker", "--queues", "orders=4,agents=2"])
            .database(database.url())
            .env("CAPSTAN__CYCLE__QUOTE_MAX_AGE_S", "3600")
            .env("CAPSTAN__QUEUE__CRASH_BUDGET", "100");
        exchange.brokers(command, Duration::from_secs(2))
    };
    let user = Uuid::now_v7();
    for statement in [
        "insert into users (user_id, username, password_hash) values ($1, 'trader', 'none')",
        "insert into risk_settings (user_id, max_position_size_percent, max_total_exposure_percent)
         values ($1, 50, 100)",
    ] {
        sqlx::query(statement).bind(user).execute(&database.pool).await.expect("the user is there");
    }
    for symbol in ["AAPL", "IBM"] {
        known(&database, &exchange, user, symbol).await;
    }
    let mut conn = database.pool.acquire().await.expect("a connection");
    agents::set_interval(&mut conn, user, 3600).await.expect("the interval is set");
    agents::start(&mut conn, user).await.expect("the agent starts");
    for place in ["before_decisions", "after_decisions", "before_order_commit", "after_order"] {
        let mut doomed = worker().env("CAPSTAN_FAILPOINT", &format!("run_cycle.{place}:1")).start();
        let status = doomed.ended(STARTED).await;
        assert_eq!(status.signal(), Some(Signal::SIGABRT as i32), "{place} ended it: {status}");
    }
    let _survivor = worker().start();
    let cycle = eventually("the cycle is done", LIMIT, async || {
        let mut conn = database.pool.acquire().await.expect("a connection");
        let cycles = cycles::recent(&mut conn, user, 10).await.expect("the cycles are read");
        match cycles.as_slice() {
            [cycle] if cycle.status == "done" => Ok(cycle.clone()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!((cycle.analysed, cycle.decided, cycle.ordered), (2, 2, 2));
    eventually("both orders are at the exchange", LIMIT, async || {
        let orders: Vec<(String, Option<String>)> =
            sqlx::query_as("select status, reject_message from orders where origin = 'cycle'")
                .fetch_all(&database.pool)
                .await
                .map_err(|error| error.to_string())?;
        if exchange.ledger().await.orders.len() >= 2 { Ok(()) } else { Err(format!("{orders:?}")) }
    })
    .await;
    let per_decision: Vec<(Uuid, i64)> = sqlx::query_as(
        "select decision_id, count(*) from orders where origin = 'cycle' group by decision_id",
    )
    .fetch_all(&database.pool)
    .await
    .expect("the orders are read");
    assert!(
        per_decision.len() == 2 && per_decision.iter().all(|(_, orders)| *orders == 1),
        "{per_decision:?}"
    );
    let analysed: Vec<(String, i64)> = sqlx::query_as(
        "select symbol, count(*) from ai_decisions where user_id = $1 group by symbol order by symbol",
    )
    .bind(user)
    .fetch_all(&database.pool)
    .await
    .expect("the decisions are read");
    assert_eq!(analysed, [("AAPL".to_owned(), 1), ("IBM".to_owned(), 1)]);
}

/// Makes the symbol an approved candidate with a price and bars, as the exchange has them.
async fn known(database: &TestDatabase, exchange: &Sandbox, user: Uuid, symbol: &str) {
    let url = format!("{}/v2/stocks/{symbol}/trades/latest", exchange.url);
    let request = reqwest::Client::new().get(url).header("APCA-API-KEY-ID", "chaos");
    let answer = request.header("APCA-API-SECRET-KEY", "chaos").send().await.expect("the exchange answers");
    let told: serde_json::Value = answer.json().await.expect("it answers in JSON");
    let price = told["trade"]["p"].as_f64().unwrap_or_else(|| panic!("there is no price in {told}"));
    let as_of: DateTime<Utc> = "2024-03-04T14:30:00Z".parse().expect("an instant");
    sqlx::query("insert into market_quotes (symbol, price, as_of, provider) values ($1, $3, $2, 'test')")
        .bind(symbol)
        .bind(as_of)
        .bind(rust_decimal::Decimal::try_from(price).expect("a price is a number"))
        .execute(&database.pool)
        .await
        .expect("the quote is kept");
    keep_bars(&database.pool, symbol, price).await;
    sqlx::query("insert into universe_assets (symbol) values ($1) on conflict do nothing")
        .bind(symbol)
        .execute(&database.pool)
        .await
        .expect("the asset is there");
    sqlx::query(
        "insert into universe_candidates (user_id, symbol, status, tier, liquidity_score, score, rationale)
         values ($1, $2, 'APPROVED', 'A', 1, 0.5, 'a test')",
    )
    .bind(user)
    .bind(symbol)
    .execute(&database.pool)
    .await
    .expect("the candidate is there");
}
