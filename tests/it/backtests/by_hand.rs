//! A worker's steps, taken by the test.

use std::time::Duration;

use domain::backtest::{self, Config, Report};
use jobs::db::{
    backtests::{self, Results},
    bars,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use suites::{SignedIn, requests};
use uuid::Uuid;

/// Starts `id` as `attempt` of its own job; returns whether it may run.
pub(crate) async fn begin(conn: &mut PgConnection, id: Uuid, attempt: i32) -> bool {
    let job_id = sqlx::query_scalar("select job_id from backtests where backtest_id = $1").bind(id);
    let job_id = job_id.fetch_one(&mut *conn).await.expect("the run exists");
    backtests::start(conn, id, job_id, attempt).await.expect("an answer")
}

/// Starts `id` as its first attempt.
pub(crate) async fn start(pool: &PgPool, id: Uuid) {
    let mut conn = pool.acquire().await.expect("a connection");
    assert!(begin(&mut conn, id, 1).await, "{id} can be started");
}

/// Runs the engine for `id` on the shipped bars.
pub(crate) async fn report(conn: &mut PgConnection, id: Uuid) -> Report {
    let spec = backtests::spec(conn, id).await.expect("the run is read").expect("the run exists");
    let config: Config = serde_json::from_value(spec.config).expect("a stored configuration decodes");
    let mut series = Vec::new();
    for symbol in &spec.universe {
        series.push(bars::series(conn, symbol, spec.start_date, spec.end_date).await.expect("bars are read"));
    }
    backtest::run(&config, &series).expect("the engine takes a checked configuration")
}

/// Starts and finishes `id` with what the engine returns.
pub(crate) async fn complete(pool: &PgPool, id: Uuid) -> Report {
    start(pool, id).await;
    let mut tx = pool.begin().await.expect("a transaction");
    let report = report(&mut tx, id).await;
    let provenance = json!({"realBars": report.bars_used.real, "simulatedBars": report.bars_used.simulated});
    let results = Results { report: &report, provenance: &provenance, runtime: Duration::from_millis(12) };
    assert!(backtests::finish(&mut tx, id, 1, &results).await.expect("the results are stored"));
    tx.commit().await.expect("the results are committed");
    report
}

/// Queues the report suite's back-test.
pub(crate) async fn submit(user: &SignedIn) -> (Uuid, Value) {
    submit_as(user, &requests::report_backtest()).await
}

/// Queues `body`.
pub(crate) async fn submit_as(user: &SignedIn, body: &Value) -> (Uuid, Value) {
    let (status, run, _) = user.post("/api/backtests", body).await;
    assert_eq!(status, 200, "{run}");
    (id_of(&run), run)
}

/// Returns the id in a run object.
pub(crate) fn id_of(run: &Value) -> Uuid {
    run["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id in {run}"))
}

/// Returns how many unfinished jobs there are.
pub(crate) async fn jobs(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from queue.jobs").fetch_one(pool).await.expect("the database answers")
}
