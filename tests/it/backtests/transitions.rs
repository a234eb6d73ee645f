//! A run's life: who may change it, and what is kept of it.

use std::time::{Duration, Instant};

use chrono::Days;
use jobs::db::backtests::{self, Results, Status, error_code};
use serde_json::{Value, json};
use suites::TestApp;

use super::by_hand;

#[tokio::test]
async fn a_waiting_run_is_cancelled_once() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    let (status, run, _) = user.post_empty(&format!("/api/backtests/{id}/cancel")).await;
    assert_eq!(
        (status.as_u16(), &run["status"], &run["errorCode"]),
        (200, &json!("CANCELLED"), &json!("CANCELLED"))
    );
    assert_eq!(by_hand::jobs(&app.pool).await, 0, "its job is gone from the queue");
    let (status, reply, _) = user.post_empty(&format!("/api/backtests/{id}/cancel")).await;
    assert_eq!((status.as_u16(), &reply["code"]), (409, &json!("ALREADY_FINISHED")), "{reply}");
    let audited: Vec<Value> =
        sqlx::query_scalar("select after from audit_log where action = 'cancel_backtest'")
            .fetch_all(&app.pool)
            .await
            .expect("the database answers");
    assert_eq!(audited, [json!({"status": "CANCELLED"})], "the refused one changed nothing");
    let mut conn = app.pool.acquire().await.expect("a connection");
    assert!(!by_hand::begin(&mut conn, id, 1).await, "it never runs");
}

#[tokio::test]
async fn a_finished_run_can_not_be_cancelled() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    by_hand::complete(&app.pool, id).await;
    sqlx::query("delete from queue.jobs").execute(&app.pool).await.expect("the job is taken away");
    let (status, reply, _) =
        user.post(&format!("/api/backtests/{id}/cancel"), &json!({"reason": "late"})).await;
    assert_eq!((status.as_u16(), &reply["code"]), (409, &json!("ALREADY_FINISHED")), "{reply}");
}

#[tokio::test]
async fn a_stale_attempt_changes_nothing() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    assert!(by_hand::begin(&mut conn, id, 1).await);
    assert!(backtests::progress(&mut conn, id, 1, 40).await.expect("an answer"));
    assert!(!backtests::progress(&mut conn, id, 1, 40).await.expect("an answer"), "it is there already");
    assert!(by_hand::begin(&mut conn, id, 2).await);
    assert!(!by_hand::begin(&mut conn, id, 1).await);
    assert!(!backtests::progress(&mut conn, id, 1, 90).await.expect("an answer"));
    let report = by_hand::report(&mut conn, id).await;
    let results = Results { report: &report, provenance: &json!({}), runtime: Duration::ZERO };
    assert!(!backtests::finish(&mut conn, id, 1, &results).await.expect("an answer"));
    let points: i64 = sqlx::query_scalar("select count(*) from backtest_equity")
        .fetch_one(&mut *conn)
        .await
        .expect("a count");
    assert_eq!(points, 0, "nothing is stored by it");
    assert!(backtests::finish(&mut conn, id, 2, &results).await.expect("an answer"));
    assert!(!backtests::fail(&mut conn, id, error_code::INTERNAL, "late").await.expect("an answer"));
    assert!(!backtests::cancel(&mut conn, id).await.expect("an answer"));
}

#[tokio::test]
async fn an_identical_run_is_answered_from_the_first_one() {
    let app = TestApp::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let (first, _) = by_hand::submit(&user).await;
    by_hand::complete(&app.pool, first).await;
    let (second, _) = by_hand::submit(&user).await;
    let (foreign, _) = by_hand::submit(&other).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    for (id, expected) in [(second, Some(first)), (foreign, None)] {
        let spec = backtests::spec(&mut conn, id).await.expect("an answer").expect("the run");
        let found = backtests::find_identical(&mut conn, spec.user_id, &spec.config_hash, id).await;
        assert_eq!(found.expect("an answer"), expected);
        assert!(by_hand::begin(&mut conn, id, 1).await);
        assert_eq!(backtests::adopt(&mut conn, id, 1, first).await.expect("an answer"), expected.is_some());
    }
    let (_, run, _) = user.get(&format!("/api/backtests/{second}")).await;
    assert_eq!((&run["status"], &run["reusedFrom"]), (&json!("DONE"), &json!(first)));
    let mut shown = Vec::new();
    for id in [first, second] {
        shown.push(user.get(&format!("/api/backtests/{id}/equity")).await.1);
    }
    assert!(shown[0].as_array().is_some_and(|points| !points.is_empty()));
    assert_eq!(shown[0], shown[1]);
}

#[tokio::test]
async fn thirty_thousand_points_are_stored_in_one_go() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    by_hand::start(&app.pool, id).await;
    let mut tx = app.pool.begin().await.expect("a transaction");
    let mut report = by_hand::report(&mut tx, id).await;
    let first = report.dates[0];
    report.dates = (0..30_000).filter_map(|day| first.checked_add_days(Days::new(day))).collect();
    for column in [&mut report.equity, &mut report.cash, &mut report.exposure] {
        *column = (0..30_000_u32).map(|n| 10_000.0 + f64::from(n) / 3.0).collect();
    }
    let results = Results { report: &report, provenance: &json!({}), runtime: Duration::ZERO };
    let started = Instant::now();
    assert!(backtests::finish(&mut tx, id, 1, &results).await.expect("the results are stored"));
    tx.commit().await.expect("the results are committed");
    let took = started.elapsed();
    println!("30,000 points stored in {took:?}");
    assert!(took < Duration::from_secs(25), "30,000 points took {took:?}");
    let (_, points, _) = user.get(&format!("/api/backtests/{id}/equity")).await;
    assert_eq!(points.as_array().map(Vec::len), Some(30_000));
}

#[tokio::test]
async fn a_figure_too_large_to_store_is_named() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    by_hand::start(&app.pool, id).await;
    let mut tx = app.pool.begin().await.expect("a transaction");
    let mut report = by_hand::report(&mut tx, id).await;
    report.cash[3] = 1e15;
    let results = Results { report: &report, provenance: &json!({}), runtime: Duration::ZERO };
    let error = backtests::finish(&mut tx, id, 1, &results).await.expect_err("numeric(20, 6) can't hold it");
    assert_eq!(error.to_string(), "cash is 1000000000000000, must be a number below 1e14");
    drop(tx);
    let mut conn = app.pool.acquire().await.expect("a connection");
    let spec = backtests::spec(&mut conn, id).await.expect("an answer").expect("the run");
    assert_eq!(spec.status, Status::Running, "the caller decides what becomes of it");
}
