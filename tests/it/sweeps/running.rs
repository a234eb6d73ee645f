//! What a sweep finds, and that nothing about the fleet changes it.

use std::time::Instant;

use jobs::{
    kinds::{rank_sweep::RankSweep, run_sweep_slice::RunSweepSlice},
    queue::{Enqueue, enqueue},
};
use serde_json::{Value, json};
use suites::TestApp;

use super::{SWEEP, count, idle, pages, submit, sweep_body, until};

#[tokio::test]
async fn a_sweep_is_queued_in_slices_with_one_job_that_waits_for_them() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, reply) = submit(&user, SWEEP, &sweep_body()).await;
    assert_eq!(
        (&reply["status"], &reply["total"], &reply["done"]),
        (&json!("QUEUED"), &json!(360), &json!(0))
    );
    assert_eq!(reply["combinations"], 360);
    let senseless = (0..12).map(|f| 2 + 2 * f).flat_map(|f| (0..30).map(move |s| (f, 10 + 5 * s)));
    assert_eq!(reply["skipped"], senseless.filter(|(fast, slow)| fast >= slow).count());
    assert_eq!(reply["rankBy"], "sharpe");
    assert_eq!(reply["grid"]["fastPeriod"].as_array().map(Vec::len), Some(12));
    let queued: Vec<(String, String)> =
        sqlx::query_as("select kind, state::text from queue.jobs order by kind, job_id")
            .fetch_all(&app.pool)
            .await
            .expect("the database answers");
    assert_eq!(queued[0], ("rank_sweep".to_owned(), "blocked".to_owned()));
    assert!(queued.len() >= 3, "several slices: {queued:?}");
    assert!(queued[1..].iter().all(|(kind, state)| kind == "run_sweep_slice" && state == "available"));
    assert_eq!(count(&app.pool, "select count(*) from audit_log where action = 'create_sweep'").await, 1);
    let (status, read, _) = user.get(&format!("{SWEEP}/{id}")).await;
    assert_eq!((status.as_u16(), read), (200, reply), "what was answered is what is read");
    let (_, rows, _) = user.get(&format!("{SWEEP}/{id}/results")).await;
    assert_eq!(rows, json!([]));
}

#[tokio::test]
async fn one_worker_and_three_return_the_same_bytes() {
    let mut found = Vec::new();
    for workers in [1, 3] {
        let mut app = TestApp::builder().workers(workers).start().await;
        let user = app.signed_up().await;
        let (id, _) = submit(&user, SWEEP, &sweep_body()).await;
        let sweep = until(&user, &format!("{SWEEP}/{id}"), "DONE").await;
        assert_eq!((&sweep["progress"], &sweep["done"]), (&json!(100), &json!(360)));
        let rows = pages(&user, &format!("{SWEEP}/{id}/results?limit=97")).await;
        found.push((
            Value::from(rows).to_string(),
            sweep["summary"].to_string(),
            sweep["provenance"].to_string(),
        ));
        app.stop().await;
    }
    assert_eq!(found[0], found[1]);
}

#[tokio::test]
async fn results_are_ranked_whole_and_those_of_single_runs() {
    let app = TestApp::builder().workers(2).start().await;
    let user = app.signed_up().await;
    let (id, reply) = submit(&user, SWEEP, &sweep_body()).await;
    let sweep = until(&user, &format!("{SWEEP}/{id}"), "DONE").await;
    let rows = pages(&user, &format!("{SWEEP}/{id}/results?limit=100")).await;
    let evaluated = 360 - reply["skipped"].as_u64().expect("a count");
    assert_eq!(rows.len() as u64, evaluated);
    assert_eq!(sweep["summary"]["evaluated"], evaluated);
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row["rank"], at + 1);
        assert_eq!(row["score"], row["sharpe"]);
    }
    let order = |row: &Value| {
        let of = |name: &str| row["parameters"][name].as_f64().expect("a number");
        (row["score"].as_f64(), of("fastPeriod"), of("slowPeriod"))
    };
    for pair in rows.windows(2) {
        let (one, next) = (order(&pair[0]), order(&pair[1]));
        let in_order = match (one.0, next.0) {
            (Some(a), Some(b)) if a.to_bits() == b.to_bits() => (one.1, one.2) < (next.1, next.2),
            (Some(a), Some(b)) => a > b,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => (one.1, one.2) < (next.1, next.2),
        };
        assert!(in_order, "{} before {}", pair[0], pair[1]);
    }
    assert_eq!(sweep["best"]["parameters"], rows[0]["parameters"]);
    let note = sweep["summary"]["note"].as_str().expect("words");
    assert!(note.contains("flatter"), "{note}");
    assert_eq!(sweep["provenance"]["kind"], "real");

    let mut body = sweep_body();
    body["strategyParams"] = rows[0]["parameters"].clone();
    let (run, _) = submit(&user, "/api/backtests", &body).await;
    let run = until(&user, &format!("/api/backtests/{run}"), "DONE").await;
    let near = |ours: &Value, percent: &Value| {
        let (ours, percent) = (ours.as_f64().expect("a number"), percent.as_f64().expect("a number"));
        assert!((ours - percent).abs() < 1e-6, "{ours} for {percent}");
    };
    let percent = |value: &Value| json!(value.as_f64().map(|fraction| 100.0 * fraction));
    near(&percent(&rows[0]["totalReturn"]), &run["results"]["totalReturn"]);
    near(&rows[0]["sharpe"], &run["results"]["sharpeRatio"]);
    assert_eq!(rows[0]["trades"], run["results"]["totalTrades"]);
}

#[tokio::test]
async fn any_strategy_with_exits_sizes_and_several_symbols_is_swept() {
    let app = TestApp::builder().workers(2).start().await;
    let user = app.signed_up().await;
    for (kind, grid, rank_by) in [
        ("momentum", json!({"lookback": [5, 20], "threshold": [0.01, 0.05], "stopLoss": [0, 5]}), "calmar"),
        (
            "rsi_oscillator",
            json!({"period": [7, 14], "oversold": [20, 30], "takeProfit": [10]}),
            "totalReturn",
        ),
        ("bollinger_breakout", json!({"period": [10, 30], "deviations": [1, 2]}), "maxDrawdown"),
        ("donchian_breakout", json!({"entryPeriod": [20, 55], "allocationPct": [10, 50]}), "winRate"),
        ("buy_and_hold", json!({"allocationPct": [10, 20, 50]}), "sharpe"),
    ] {
        let mut body = sweep_body();
        body["strategyType"] = json!(kind);
        body["universe"] = json!(["AAPL", "MSFT"]);
        body["startDate"] = json!("2011-01-03");
        body["grid"] = grid;
        body["rankBy"] = json!(rank_by);
        let (id, reply) = submit(&user, SWEEP, &body).await;
        let sweep = until(&user, &format!("{SWEEP}/{id}"), "DONE").await;
        assert_eq!(sweep["summary"]["evaluated"], reply["total"], "{kind}");
        let (_, rows, _) = user.get(&format!("{SWEEP}/{id}/results")).await;
        let scores: Vec<f64> =
            rows.as_array().expect("rows").iter().filter_map(|row| row["score"].as_f64()).collect();
        assert!(!scores.is_empty() && scores.is_sorted_by(|one, next| one >= next), "{kind}: {scores:?}");
        if rank_by != "winRate" {
            assert_eq!(rows[0]["score"], rows[0][rank_by], "{kind}");
        }
    }
}

#[tokio::test]
async fn a_slice_and_the_ranking_that_run_again_change_nothing() {
    let app = TestApp::builder().workers(1).start().await;
    let user = app.signed_up().await;
    let (id, _) = submit(&user, SWEEP, &sweep_body()).await;
    let path = format!("{SWEEP}/{id}");
    let first = until(&user, &path, "DONE").await;
    let rows = pages(&user, &format!("{path}/results?limit=500")).await;
    idle(&app).await;
    let sweep_id = id.parse().expect("an id");
    // Once as a plain redelivery, once as an attempt that had not seen the part recorded.
    for forget in [false, true] {
        if forget {
            let reset = "update sweeps set status = 'RUNNING', finished_at = null, done = done - 250";
            sqlx::query(reset).execute(&app.pool).await.expect("a sweep can be taken back");
            let reset = "update sweep_parts set done_at = null where part = 0";
            sqlx::query(reset).execute(&app.pool).await.expect("a part can be taken back");
        }
        let mut conn = app.pool.acquire().await.expect("a connection");
        let slice = RunSweepSlice { sweep_id, slice: 0 };
        let again = enqueue(&mut conn, &slice, Enqueue::default()).await.expect("it is queued");
        let ranking = Enqueue::default().after(&[again.job_id]);
        enqueue(&mut conn, &RankSweep { sweep_id }, ranking).await.expect("it is queued");
        idle(&app).await;
        let after = until(&user, &path, "DONE").await;
        assert_eq!((&after["summary"], &after["done"]), (&first["summary"], &first["done"]));
        assert_eq!(pages(&user, &format!("{path}/results?limit=500")).await, rows);
    }
}

#[tokio::test]
async fn progress_is_told_to_the_owner_in_order() {
    let app = TestApp::builder().workers(2).start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let (id, _) = submit(&user, SWEEP, &sweep_body()).await;
    until(&user, &format!("{SWEEP}/{id}"), "DONE").await;
    let events: Vec<(String, Value)> = sqlx::query_as(
        "select user_id::text, body from events where name = 'sweep:progress' order by xact, event_id",
    )
    .fetch_all(&app.pool)
    .await
    .expect("the database answers");
    assert!(events.iter().all(|(user_id, _)| *user_id == user.user_id && *user_id != other.user_id));
    let done: Vec<i64> = events.iter().filter_map(|(_, body)| body["done"].as_i64()).collect();
    assert_eq!((done.first(), done.last()), (Some(&0), Some(&360)));
    assert!(done.is_sorted() && done.len() <= 104, "{done:?}");
    let last = &events.last().expect("an event").1;
    assert_eq!(
        (&last["status"], &last["progress"], &last["kind"]),
        (&json!("DONE"), &json!(100), &json!("sweep"))
    );
}

#[tokio::test]
async fn the_largest_grid_is_done_in_short_slices() {
    let app = TestApp::builder().workers(1).start().await;
    let user = app.signed_up().await;
    let mut body = sweep_body();
    body["grid"] = json!({
        "fastPeriod": {"from": 1, "to": 100, "step": 1}, "slowPeriod": {"from": 101, "to": 200, "step": 1},
    });
    let started = Instant::now();
    let (id, reply) = submit(&user, SWEEP, &body).await;
    let submitted = started.elapsed();
    assert_eq!((&reply["total"], &reply["skipped"]), (&json!(10_000), &json!(0)), "{reply}");
    let sweep = until(&user, &format!("{SWEEP}/{id}"), "DONE").await;
    let whole = started.elapsed();
    assert_eq!(sweep["summary"]["evaluated"], 10_000);
    let slices: Vec<f64> = sqlx::query_scalar(
        "select extract(epoch from finished_at - started_at)::float8
           from queue.finished where kind = 'run_sweep_slice' order by 1",
    )
    .fetch_all(&app.pool)
    .await
    .expect("the database answers");
    let (middle, longest) = (slices[slices.len() / 2], slices[slices.len() - 1]);
    println!(
        "10,000 combinations: taken in {submitted:?}, done in {whole:?}; {} slices, half of them below {middle:.3} s, \
         the longest {longest:.3} s",
        slices.len()
    );
    assert_eq!(slices.len(), 40, "250 cells are a slice");
    // A slice takes a tenth of a second, on a machine that has nothing else to do.
    assert!(middle < 20.0, "half of the slices take more than {middle} s");
}
