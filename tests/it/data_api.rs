//! Connectors, market data, fusion and watchlists over HTTP. No worker runs and no provider is
//! asked: tests write down what workers would.

mod access;
mod connectors;
mod fusion;
mod operating;
mod quotes;
mod refreshing;
mod watchlists;

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use suites::{Answer, SignedIn, TestApp};
use worker::commands::admin::{AdminArgs, act};

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_mins(1);

/// Starts the application without waits: nobody works.
async fn start() -> TestApp {
    TestApp::builder().config(|config| config.api.run_wait_ms = 0).start().await
}

async fn administrator(app: &TestApp) -> SignedIn {
    let user = app.signed_up().await;
    act(&app.pool, AdminArgs::Grant { username: user.username.clone() }).await.expect("the user is there");
    user
}

/// Runs `sql`, a text of the tests themselves.
async fn run(app: &TestApp, sql: &str) {
    sqlx::query(AssertSqlSafe(sql)).execute(&app.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&app.pool).await.expect("a count")
}

/// Writes down a quote of `symbol`, asked for `age` seconds ago.
async fn quote(app: &TestApp, symbol: &str, price: &str, provider: &str, age: u32) {
    run(
        app,
        &format!(
            "insert into market_quotes (symbol, price, previous_close, open, high, low, volume, as_of, fetched_at,
                    provider, fallbacks)
             values ('{symbol}', {price}, 100, 101, 112, 99, 5000, '2026-03-02T15:30:00Z',
                    clock_timestamp() - interval '{age} s', '{provider}',
                    '[{{\"provider\": \"alpaca\", \"reason\": \"timed out\"}}]')"
        ),
    )
    .await;
}

/// Writes down that `symbol` may be looked at.
async fn asset(app: &TestApp, symbol: &str) {
    let sql = format!(
        "insert into universe_assets (symbol, name) values ('{symbol}', '{symbol}') on conflict do nothing"
    );
    run(app, &sql).await;
}

/// Returns the symbols of the refreshing jobs, oldest first.
async fn refreshing(app: &TestApp) -> Vec<Value> {
    sqlx::query_scalar(
        "select payload -> 'symbols' from queue.jobs where kind = 'refresh_market_data' order by created_at, job_id",
    )
    .fetch_all(&app.pool)
    .await
    .expect("jobs")
}

fn refused((status, body, _): &Answer) -> (u16, &str) {
    (status.as_u16(), body["code"].as_str().unwrap_or_default())
}

fn ok((status, body, _): Answer) -> Value {
    assert_eq!(status, 200, "{body}");
    body
}

/// Returns the entry of `list` whose `key` is `value`.
fn find<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = list.as_array().and_then(|all| all.iter().find(|one| one[key] == json!(value)));
    found.unwrap_or_else(|| panic!("no {value} in {list}"))
}
