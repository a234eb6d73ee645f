//! Asking for a run: what is accepted, what is refused, what is written.

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use suites::{TestApp, eventually, requests};

use super::by_hand;

/// The keys of a run object that existing clients read.
const KEYS: [&str; 25] = [
    "id",
    "createdAt",
    "updatedAt",
    "status",
    "strategyId",
    "strategyConfigHash",
    "strategyConfig",
    "universe",
    "broker",
    "timeframe",
    "startDate",
    "endDate",
    "initialCash",
    "feesModel",
    "slippageModel",
    "executionPriceRule",
    "dataSource",
    "provenance",
    "resultsSummary",
    "errorMessage",
    "runtimeMs",
    "progress",
    "errorCode",
    "interpretation",
    "reusedFrom",
];

#[tokio::test]
async fn a_run_is_queued_with_its_job_and_its_audit_row() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, run) = by_hand::submit(&user).await;
    for key in KEYS {
        assert!(run.get(key).is_some(), "{key} is missing: {run}");
    }
    assert_eq!(run["status"], "QUEUED");
    assert_eq!(run["progress"], 0);
    assert_eq!(run["initialCash"], 10000.0);
    assert_eq!(run["universe"], json!(["AAPL", "MSFT"]));
    assert_eq!(run["startDate"], "2024-01-01");
    assert!(run["notModelled"].is_array(), "{run}");
    assert_eq!(run["feesModel"], json!({"commission": 0}));
    assert_eq!(run["strategyConfig"]["type"], "momentum");
    assert!(run.get("results").is_none(), "there are none yet");
    let job: (String, Value) = sqlx::query_as("select kind, payload from queue.jobs where job_id = $1::uuid")
        .bind(run["jobId"].as_str())
        .fetch_one(&app.pool)
        .await
        .expect("the run's job is there");
    assert_eq!(job, ("run_backtest".to_owned(), json!({"backtest_id": id})));
    let audited: i64 = sqlx::query_scalar(
        "select count(*) from audit_log where action = 'create_backtest' and resource_id = $1",
    )
    .bind(id.to_string())
    .fetch_one(&app.pool)
    .await
    .expect("the database answers");
    assert_eq!(audited, 1);
    let (status, read, _) = user.get(&format!("/api/backtests/{id}")).await;
    assert_eq!((status.as_u16(), read), (200, run), "what was answered is what is read");
}

#[tokio::test]
async fn what_can_not_be_run_is_refused_with_a_code_and_queues_nothing() {
    let app = TestApp::builder().config(|config| config.backtest.max_bars = 100).start().await;
    let user = app.signed_up().await;
    let changed = |change: Value| {
        let mut body = requests::report_backtest();
        for (key, value) in change.as_object().expect("a table of objects") {
            body[key] = value.clone();
        }
        body
    };
    for (change, code, field) in [
        (json!({"startDate": null}), None, "startDate"),
        (json!({"endDate": "yesterday"}), None, "endDate"),
        (json!({"startDate": "2024-02-01"}), None, ""),
        (json!({"universe": "AAPL"}), None, "universe"),
        (json!({"strategyConfig": {"type": "martingale"}}), Some("UNKNOWN_STRATEGY_TYPE"), ""),
        (json!({"initialCash": "-5"}), None, "initialCash"),
        (json!({"initialCash": "lots"}), None, "initialCash"),
        (json!({"timeframe": "1Min"}), None, "timeframe"),
        (json!({"strategyId": 12}), Some("INVALID_FIELD"), "strategyId"),
        (json!({"universe": ["AAPL", "NOPE"]}), Some("UNKNOWN_SYMBOL"), "universe"),
        (json!({"startDate": "1971-01-01", "endDate": "1971-12-31"}), Some("NO_DATA"), "startDate"),
        (json!({"startDate": "2010-01-01"}), Some("TOO_MANY_BARS"), "startDate"),
    ] {
        for path in ["/api/backtests", "/api/backtests/run"] {
            let (status, reply, _) = user.post(path, &changed(change.clone())).await;
            assert_eq!(status, 400, "{change}: {reply}");
            assert!(reply["details"]["field"].is_string(), "{change}: {reply}");
            if let Some(code) = code {
                assert_eq!(reply["code"], code, "{change}: {reply}");
            }
            if !field.is_empty() {
                assert_eq!(reply["details"]["field"], field, "{change}: {reply}");
            }
        }
    }
    let (_, reply, _) = user.post("/api/backtests", &changed(json!({"universe": ["NOPE"]}))).await;
    let known = reply["details"]["known"].as_array().expect("the known ones are listed");
    assert!(known.contains(&json!("AAPL")), "{reply}");
    assert_eq!(by_hand::jobs(&app.pool).await, 0, "nothing is queued");
    let rows: i64 =
        sqlx::query_scalar("select count(*) from backtests").fetch_one(&app.pool).await.expect("a count");
    assert_eq!(rows, 0, "and no run is left behind");
}

#[tokio::test]
async fn a_stored_strategy_gives_what_the_request_leaves_out() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let strategy = json!({"name": "s", "type": "momentum", "assets": ["MSFT"]});
    let (_, strategy, _) = user.post("/api/strategies", &strategy).await;
    let wizard = json!({
        "strategyId": strategy["id"],
        "startDate": "2023-01-03T00:00:00.000Z",
        "endDate": "2024-01-03T12:00:00.000Z",
        "initialCapital": 25_000,
    });
    let (id, run) = by_hand::submit_as(&user, &wizard).await;
    assert_eq!(run["universe"], json!(["MSFT"]));
    assert_eq!(run["initialCash"], 25_000.0);
    assert_eq!(run["startDate"], "2023-01-03T00:00:00.000Z", "as sent");
    by_hand::complete(&app.pool, id).await;
    let path = format!("/api/strategies/{}", strategy["id"].as_str().expect("an id"));
    let (_, shown, _) = user.get(&path).await;
    assert_eq!(shown["lastBacktestId"], json!(id));
    assert_eq!(shown["status"], "backtested");
    assert!(shown["performanceSummary"]["totalReturn"].is_f64(), "{shown}");
    assert_eq!(shown["version"], strategy["version"], "its owner changed nothing");
}

#[tokio::test]
async fn run_answers_as_soon_as_a_worker_has_taken_it() {
    let app = TestApp::builder().config(|config| config.api.run_wait_ms = 12_000).start().await;
    let user = app.signed_up().await;
    let body = requests::report_backtest();
    let asked = user.post("/api/backtests/run", &body);
    let taken = async {
        let queued = async || {
            let id = sqlx::query_scalar("select backtest_id from backtests").fetch_optional(&app.pool).await;
            id.expect("the database answers")
        };
        let id = eventually("the queued run", Duration::from_secs(10), queued).await;
        by_hand::start(&app.pool, id).await;
    };
    let ((status, run, _), ()) = tokio::join!(asked, taken);
    assert_eq!((status.as_u16(), &run["status"]), (200, &json!("RUNNING")), "{run}");
}

#[tokio::test]
async fn run_answers_in_a_bounded_time_when_no_worker_comes() {
    let app = TestApp::builder().config(|config| config.api.run_wait_ms = 200).start().await;
    let user = app.signed_up().await;
    let started = Instant::now();
    let (status, run, _) = user.post("/api/backtests/run", &requests::report_backtest()).await;
    assert_eq!((status.as_u16(), &run["status"]), (200, &json!("QUEUED")), "{run}");
    assert!(started.elapsed() >= Duration::from_millis(200), "it has waited");
}
