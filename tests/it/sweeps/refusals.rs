//! What is refused, with which code, and that nothing is queued then.

use serde_json::{Value, json};
use suites::TestApp;

use super::{SWEEP, WALK, count, sweep_body, walk_body};

#[tokio::test]
async fn what_can_not_be_swept_is_refused_with_a_code_and_queues_nothing() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let many: Vec<u32> = (1..=101).collect();
    let sweeps = [
        (json!({"grid": null}), "INVALID_GRID", "grid"),
        (json!({"grid": {}}), "INVALID_GRID", "grid"),
        (json!({"grid": {"fastPeriod": []}}), "INVALID_GRID", "grid.fastPeriod"),
        (json!({"grid": {"fastPeriod": {"from": 5}}}), "INVALID_GRID", "grid.fastPeriod"),
        (json!({"grid": {"nonsense": [1]}}), "INVALID_GRID", "grid.nonsense"),
        (json!({"grid": {"rsiPeriod": [7]}}), "INVALID_GRID", "grid.rsiPeriod"),
        (json!({"grid": {"fastPeriod": [50], "slowPeriod": [20, 30]}}), "INVALID_GRID", "grid"),
        (json!({"grid": {"fastPeriod": many, "slowPeriod": many}}), "GRID_TOO_LARGE", "grid"),
        (json!({"rankBy": "luck"}), "INVALID_GRID", "rankBy"),
        (json!({"rankBy": 7}), "INVALID_GRID", "rankBy"),
        (json!({"strategyType": "nonsense"}), "UNKNOWN_STRATEGY_TYPE", "strategyType"),
        (json!({"strategyType": "pairs"}), "INVALID_BACKTEST", "strategyType"),
        (json!({"universe": ["NONE"]}), "UNKNOWN_SYMBOL", "universe"),
        (json!({"startDate": "2013-01-01", "endDate": "2012-01-01"}), "INVALID_BACKTEST", "endDate"),
        (json!({"startDate": null}), "INVALID_BACKTEST", "startDate"),
        (json!({"startDate": "1971-01-01", "endDate": "1971-12-31"}), "NO_DATA", "startDate"),
    ];
    let walks = [
        (json!({"windows": null}), "INVALID_WINDOWS", "windows"),
        (json!({"windows": {"train": 10}}), "INVALID_WINDOWS", "windows.test"),
        (json!({"windows": {"train": 10, "test": 5, "step": 4}}), "INVALID_WINDOWS", "windows.step"),
        (json!({"windows": {"train": 5000, "test": 100}}), "INVALID_WINDOWS", "windows"),
        (json!({"windows": {"train": 2, "test": 2}}), "INVALID_WINDOWS", "windows"),
        (json!({"grid": {"nonsense": [1]}}), "INVALID_GRID", "grid.nonsense"),
    ];
    let cases = sweeps.into_iter().map(|case| (SWEEP, sweep_body(), case));
    let cases = cases.chain(walks.into_iter().map(|case| (WALK, walk_body(), case)));
    for (path, mut body, (change, code, field)) in cases {
        for (key, value) in change.as_object().expect("a table of objects") {
            body[key] = value.clone();
        }
        let (status, reply, _) = user.post(path, &body).await;
        assert_eq!((status.as_u16(), &reply["code"]), (400, &json!(code)), "{path} {change}: {reply}");
        assert_eq!(reply["details"]["field"], field, "{path} {change}: {reply}");
    }
    let mut long = sweep_body();
    long["padding"] = Value::from("x".repeat(70_000));
    let (status, reply, _) = user.post(SWEEP, &long).await;
    assert_eq!((status.as_u16(), &reply["code"]), (413, &json!("BODY_TOO_LARGE")), "{reply}");
    for query in
        ["select count(*) from queue.jobs", "select count(*) from sweeps", "select count(*) from events"]
    {
        assert_eq!(count(&app.pool, query).await, 0, "{query}");
    }
}
