//! Sweeps and walk-forwards through the real queue.

mod access;
mod ending;
mod refusals;
mod running;
mod walk_forward;

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use suites::{SignedIn, TestApp, eventually, requests};

const SWEEP: &str = "/api/backtests/sweep";
const WALK: &str = "/api/backtests/walk-forward";
const LIMIT: Duration = Duration::from_mins(5);

/// A sweep of a crossover over eight years of AAPL: 12 x 30 combinations, some of them senseless.
fn sweep_body() -> Value {
    let mut body = requests::long_backtest();
    body["grid"] = json!({
        "fastPeriod": {"from": 2, "to": 24, "step": 2},
        "slowPeriod": {"from": 10, "to": 155, "step": 5},
    });
    body
}

/// A walk-forward over the same bars.
fn walk_body() -> Value {
    let mut body = requests::long_backtest();
    body["strategyParams"] = json!({"allocationPct": 100});
    body["grid"] = json!({"fastPeriod": [3, 5, 10], "slowPeriod": [8, 20, 40]});
    body["windows"] = json!({"train": 504, "test": 126});
    body
}

/// Queues `body` and returns the id and the reply.
async fn submit(user: &SignedIn, path: &str, body: &Value) -> (String, Value) {
    let (status, reply, _) = user.post(path, body).await;
    assert_eq!(status, 200, "{reply}");
    (reply["id"].as_str().expect("an id").to_owned(), reply)
}

/// Waits until the sweep at `path` is `status` and returns it.
async fn until(user: &SignedIn, path: &str, status: &str) -> Value {
    eventually(format!("{path} is {status}"), LIMIT, async || {
        let (_, sweep, _) = user.get(path).await;
        if sweep["status"] == status { Ok(sweep) } else { Err(sweep) }
    })
    .await
}

/// Follows the cursors from `path`, which has a query, and returns all rows.
async fn pages(user: &SignedIn, path: &str) -> Vec<Value> {
    let (mut all, mut next) = (Vec::new(), path.to_owned());
    for _ in 0..200 {
        let (status, body, headers) = user.get(&next).await;
        assert_eq!(status, 200, "{next}: {body}");
        all.extend(body.as_array().expect("a plain array").iter().cloned());
        match headers.get("x-next-cursor") {
            Some(cursor) => next = format!("{path}&cursor={}", cursor.to_str().expect("text")),
            None => return all,
        }
    }
    panic!("{path} never ends");
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.expect("the database answers")
}

/// Waits until no job is left.
async fn idle(app: &TestApp) {
    eventually("no job is left", LIMIT, async || {
        let left = count(&app.pool, "select count(*) from queue.jobs").await;
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
}
