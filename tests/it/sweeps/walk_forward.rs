//! What a walk-forward finds, and that it never looks ahead.

use jobs::{
    kinds::run_walk_forward_window::RunWalkForwardWindow,
    queue::{Enqueue, enqueue},
};
use serde_json::{Value, json};
use suites::TestApp;

use super::{WALK, idle, pages, submit, until, walk_body};

#[tokio::test]
async fn windows_follow_one_another_and_are_chained_into_one_curve() {
    let app = TestApp::builder().workers(2).start().await;
    let user = app.signed_up().await;
    let (id, reply) = submit(&user, WALK, &walk_body()).await;
    let windows = reply["results"].as_array().expect("windows").len();
    // 2013 sessions: 504 to choose on, then as many tests of 126 as fit.
    assert_eq!(windows, 11, "{reply}");
    assert_eq!((&reply["combinations"], &reply["total"]), (&json!(9), &json!(9 * windows)));
    assert_eq!(reply["skipped"], 1, "10 is not below 8");
    let path = format!("{WALK}/{id}");
    let walk = until(&user, &path, "DONE").await;
    let results = walk["results"].as_array().expect("windows");
    for pair in results.windows(2) {
        assert!(pair[0]["testEnd"].as_str() < pair[1]["testStart"].as_str(), "{}", pair[1]);
    }
    let points = pages(&user, &format!("{path}/equity?limit=300")).await;
    assert_eq!(points.len(), 126 * windows);
    let mut compounded = 1.0;
    for (number, window) in results.iter().enumerate() {
        assert!(window["trainEnd"].as_str() < window["testStart"].as_str(), "{window}");
        assert!(window["parameters"]["fastPeriod"].is_number(), "{window}");
        assert_eq!(
            (&window["inSample"]["sessions"], &window["outOfSample"]["sessions"]),
            (&json!(504), &json!(126))
        );
        assert_eq!(window["inSample"]["evaluated"], 8);
        compounded *= 1.0 + window["outOfSample"]["figures"]["totalReturn"].as_f64().expect("a return");
        let last = &points[126 * (number + 1) - 1];
        assert_eq!(last["window"], number + 1);
        let equity = last["equity"].as_f64().expect("money");
        assert!((equity / (100_000.0 * compounded) - 1.0).abs() < 1e-9, "{equity} after window {number}");
    }
    let summary = &walk["summary"];
    assert!(
        (summary["outOfSample"]["totalReturn"].as_f64().expect("a return") - (compounded - 1.0)).abs() < 1e-9
    );
    let overfitting = &summary["overfitting"];
    assert_eq!((&overfitting["combinationsTried"], &overfitting["windows"]), (&json!(8), &json!(windows)));
    assert!(overfitting["meanInSampleSharpe"].is_number(), "{overfitting}");
    assert!(overfitting["definition"].as_str().is_some_and(|text| text.contains("Pardo")), "{overfitting}");
    let note = summary["note"].as_str().expect("words");
    assert!(note.contains("the best of 8 combinations was chosen by looking back"), "{note}");
    assert!(walk["best"].is_null(), "there is no single best");
}

#[tokio::test]
async fn bars_after_a_tests_end_change_nothing_before() {
    let app = TestApp::builder().workers(2).start().await;
    let user = app.signed_up().await;
    for anchored in [false, true] {
        let mut body = walk_body();
        body["windows"]["anchored"] = json!(anchored);
        let mut seen: Vec<(Value, Vec<Value>)> = Vec::new();
        for change in [None, Some("2.5"), Some("0.3")] {
            let split = seen.first().map(|(walk, _)| walk["results"][5]["testEnd"].clone());
            if let (Some(by), Some(day)) = (change, split) {
                sqlx::query(
                    "update bars set open = open * $1::text::numeric, high = high * $1::text::numeric,
                                     low = low * $1::text::numeric, close = close * $1::text::numeric
                      where symbol = 'AAPL' and session_date > $2::text::date",
                )
                .bind(by)
                .bind(day.as_str().expect("a date"))
                .execute(&app.pool)
                .await
                .expect("bars change");
            }
            let (id, _) = submit(&user, WALK, &body).await;
            let path = format!("{WALK}/{id}");
            let walk = until(&user, &path, "DONE").await;
            let points = pages(&user, &format!("{path}/equity?limit=500")).await;
            seen.push((walk, points));
        }
        let before = |walk: &Value| walk["results"].as_array().expect("windows")[..6].to_vec();
        let (first, points) = &seen[0];
        for (walk, others) in &seen[1..] {
            assert_eq!(before(walk), before(first), "choices and tests up to the split");
            assert_eq!(others[..6 * 126], points[..6 * 126], "the curve up to the split");
            assert_ne!(walk["results"][6], first["results"][6], "what comes after does change");
        }
    }
}

#[tokio::test]
async fn one_worker_and_three_chain_the_same_curve_and_a_window_twice_changes_nothing() {
    let mut found = Vec::new();
    for workers in [1, 3] {
        let mut app = TestApp::builder().workers(workers).start().await;
        let user = app.signed_up().await;
        let (id, _) = submit(&user, WALK, &walk_body()).await;
        let path = format!("{WALK}/{id}");
        let seen = async || {
            let walk = until(&user, &path, "DONE").await;
            let points = pages(&user, &format!("{path}/equity?limit=500")).await;
            (walk["summary"].to_string(), walk["results"].to_string(), Value::from(points).to_string())
        };
        let first = seen().await;
        let mut conn = app.pool.acquire().await.expect("a connection");
        let again = RunWalkForwardWindow { sweep_id: id.parse().expect("an id"), window: 2 };
        enqueue(&mut conn, &again, Enqueue::default()).await.expect("it is queued");
        drop(conn);
        idle(&app).await;
        assert_eq!(seen().await, first);
        found.push(first);
        app.stop().await;
    }
    assert_eq!(found[0], found[1]);
}
