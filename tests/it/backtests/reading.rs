//! Reading runs and results: shapes, pages, tags.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use suites::{SignedIn, TestApp, requests};

use super::by_hand;

/// Follows the cursors from `path`, which has a query, and returns all rows of `rows`.
async fn walk(user: &SignedIn, path: &str, rows: fn(&Value) -> &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let mut next = path.to_owned();
    for _ in 0..100 {
        let (status, body, headers) = user.get(&next).await;
        assert_eq!(status, 200, "{next}: {body}");
        all.extend(rows(&body).as_array().expect("a page is an array").iter().cloned());
        match headers.get("x-next-cursor") {
            Some(cursor) => next = format!("{path}&cursor={}", cursor.to_str().expect("text")),
            None => return all,
        }
    }
    panic!("{path} never ends");
}

#[tokio::test]
async fn a_finished_run_shows_its_results_in_the_contracts_shapes() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit_as(&user, &requests::long_backtest()).await;
    let report = by_hand::complete(&app.pool, id).await;
    assert!(!report.trades.is_empty(), "the crossover trades on eight years of bars");

    let (_, run, _) = user.get(&format!("/api/backtests/{id}")).await;
    assert_eq!((&run["status"], &run["progress"]), (&json!("DONE"), &json!(100)));
    for key in ["totalReturnPct", "maxDrawdownPct", "winRatePct", "totalTrades", "avgWinPct", "avgLossPct"] {
        assert!(run["resultsSummary"][key].is_number(), "{key}: {}", run["resultsSummary"]);
    }
    let results = &run["results"];
    for key in [
        "totalReturn",
        "annualizedReturn",
        "sharpeRatio",
        "maxDrawdown",
        "winRate",
        "profitFactor",
        "totalTrades",
        "winningTrades",
        "losingTrades",
        "averageWin",
        "averageLoss",
    ] {
        assert!(results[key].is_number(), "{key}: {}", results[key]);
    }
    assert!(results["maxDrawdown"].as_f64() > Some(0.0), "positive: {}", results["maxDrawdown"]);
    let curve = results["equityCurve"].as_array().expect("points");
    assert!((500..=1000).contains(&curve.len()), "a sample of {} points", curve.len());
    let (_, points, _) = user.get(&format!("/api/backtests/{id}/equity")).await;
    let points = points.as_array().expect("a plain array");
    assert_eq!(points.len(), report.dates.len(), "without a limit: all");
    assert_eq!((&curve[0], curve.last()), (&points[0], points.last()), "first and last are in the sample");
    assert_eq!(points[0]["ts"], points[0]["date"]);
    for (point, equity) in points.iter().zip(&report.equity) {
        let stored = point["equity"].as_f64().expect("a number");
        assert!((stored - equity).abs() <= 1e-6 * equity.abs(), "{stored} for {equity}");
    }
    let (_, envelope, _) = user.get(&format!("/api/backtests/{id}/equity-curve")).await;
    assert_eq!(envelope["points"].as_array(), Some(points));

    let (_, trades, _) = user.get(&format!("/api/backtests/{id}/trades")).await;
    let trades = trades.as_array().expect("a plain array");
    assert_eq!(trades.len(), report.events.len());
    for key in [
        "id",
        "runId",
        "ts",
        "timestamp",
        "symbol",
        "side",
        "qty",
        "price",
        "pnl",
        "reason",
        "orderType",
        "fees",
        "slippage",
        "positionAfter",
        "cashAfter",
    ] {
        assert!(trades[0].get(key).is_some(), "{key}: {}", trades[0]);
    }
    assert_eq!((&trades[0]["side"], &trades[0]["pnl"]), (&json!("buy"), &Value::Null));
    assert_eq!(trades.iter().filter(|trade| trade["pnl"].is_number()).count(), report.trades.len());
    assert_eq!(results["trades"].as_array().map(Vec::len), Some(trades.len().min(1000)));

    let (_, summary, _) = user.get(&format!("/api/backtests/{id}/results")).await;
    assert_eq!(summary, run["resultsSummary"]);
    let said = run["interpretation"].as_str().expect("words");
    assert!(said.starts_with(&format!("Over {} sessions", report.dates.len())), "{said}");
    assert!(!said.contains("simulated"), "all these bars are real: {said}");
}

#[tokio::test]
async fn a_run_without_trades_is_done_with_a_summary_all_the_same() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    by_hand::complete(&app.pool, id).await;
    let (_, run, _) = user.get(&format!("/api/backtests/{id}")).await;
    assert_eq!(run["status"], "DONE");
    assert!(run["resultsSummary"].is_object(), "{run}");
    assert_eq!(run["resultsSummary"]["cagr"], Value::Null, "a month says nothing about a year");
    assert!(run["results"]["annualizedReturn"].is_f64(), "but screens need a number");
}

#[tokio::test]
async fn pages_walk_every_row_once() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit_as(&user, &requests::long_backtest()).await;
    by_hand::complete(&app.pool, id).await;
    for (rows, limit) in [("equity", 499), ("trades", 7)] {
        let path = format!("/api/backtests/{id}/{rows}");
        let (_, all, _) = user.get(&path).await;
        let walked = walk(&user, &format!("{path}?limit={limit}"), |body| body).await;
        assert_eq!(Some(&walked), all.as_array(), "{rows}");
    }
    for bad in ["limit=0", "limit=501", "limit=x", "cursor=zz", "cursor=7b7d"] {
        let (status, body, _) = user.get(&format!("/api/backtests/{id}/equity?{bad}")).await;
        assert_eq!(status, 400, "{bad}: {body}");
    }
}

#[tokio::test]
async fn the_list_is_newest_first_filtered_and_paged_both_ways() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.insert(0, json!(by_hand::submit(&user).await.0));
    }
    // Rows of one moment are told apart by their ids.
    sqlx::query("update backtests set created_at = '2026-01-01'")
        .execute(&app.pool)
        .await
        .expect("an update");
    ids.sort_by_key(|id| std::cmp::Reverse(id.as_str().map(str::to_owned)));
    let of = |runs: &[Value]| runs.iter().map(|run| run["id"].clone()).collect::<Vec<_>>();
    let walked = walk(&user, "/api/backtests?limit=3", |body| &body["runs"]).await;
    assert_eq!(of(&walked), ids);
    let (_, page, _) = user.get("/api/backtests?limit=2&offset=3").await;
    assert_eq!((&page["limit"], &page["offset"]), (&json!(2), &json!(3)));
    assert_eq!(of(page["runs"].as_array().expect("runs")), ids[3..5]);

    by_hand::complete(&app.pool, by_hand::id_of(&walked[2])).await;
    let (_, done, _) = user.get("/api/backtests?status=done").await;
    assert_eq!(of(done["runs"].as_array().expect("runs")), ids[2..3]);
    assert!(done["runs"][0]["results"]["sharpeRatio"].is_number(), "the list screen shows it");
    for (query, count) in [("strategyId=nonsense", 0), ("strategyId=", 7), ("status=QUEUED", 6)] {
        let (_, page, _) = user.get(&format!("/api/backtests?{query}")).await;
        assert_eq!(page["runs"].as_array().map(Vec::len), Some(count), "{query}");
    }
    for bad in ["status=pending", "offset=-1", "limit=0"] {
        let (status, body, _) = user.get(&format!("/api/backtests?{bad}")).await;
        assert_eq!(status, 400, "{bad}: {body}");
    }
    let distinct: HashSet<String> = ids.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), 7);
}

#[tokio::test]
async fn a_finished_run_is_not_sent_twice_to_who_has_it() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    let path = format!("/api/backtests/{id}");
    let (_, _, headers) = user.get(&path).await;
    assert!(headers.get("etag").is_none(), "a run that changes has no tag");
    by_hand::complete(&app.pool, id).await;
    let (_, _, headers) = user.get(&path).await;
    let tag = headers.get("etag").expect("a finished run has a tag").clone();
    let again =
        user.request(Method::GET, &path).header("if-none-match", &tag).send().await.expect("an answer");
    assert_eq!((again.status().as_u16(), again.headers().get("etag")), (304, Some(&tag)));
    assert_eq!(again.bytes().await.expect("a body").len(), 0);
    let other =
        user.request(Method::GET, &path).header("if-none-match", "\"x\"").send().await.expect("an answer");
    assert_eq!(other.status(), 200);
}
