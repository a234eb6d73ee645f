//! The progress of runs on the stream.

use jobs::db::backtests;
use reqwest::Method;
use serde_json::{Value, json};
use suites::{TestApp, requests};

use super::frames::{Frame, Frames};
use crate::backtests::by_hand;

fn state(frame: &Frame) -> (Value, Value) {
    assert_eq!(frame.event, "backtest:progress", "{frame:?}");
    (frame.data["status"].clone(), frame.data["progress"].clone())
}

#[tokio::test]
async fn every_step_of_a_run_is_told() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (mut frames, _) = Frames::open(&user, "/api/events", None).await;
    let (id, _) = by_hand::submit(&user).await;
    by_hand::complete(&app.pool, id).await;
    for (status, progress) in [("QUEUED", 0), ("RUNNING", 0), ("DONE", 100)] {
        let frame = frames.next().await;
        assert_eq!(state(&frame), (json!(status), json!(progress)));
        assert_eq!(frame.data["id"], json!(id));
        let at = frame.data["updatedAt"].as_str().expect("a time");
        assert!(at.len() == 24 && at.ends_with('Z'), "milliseconds: {at}");
    }
}

#[tokio::test]
async fn the_stream_of_a_run_shows_its_state_and_ends_with_it() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit(&user).await;
    by_hand::submit(&user).await;
    let path = format!("/api/backtests/{id}/events");
    let (mut frames, _) = Frames::open(&user, &path, None).await;
    let first = frames.next().await;
    assert_eq!(state(&first), (json!("QUEUED"), json!(0)), "the present state comes first");
    assert_eq!(first.data["updatedAt"].as_str().map(str::len), Some(24), "{first:?}");
    by_hand::start(&app.pool, id).await;
    assert_eq!(state(&frames.next().await), (json!("RUNNING"), json!(0)));
    let mut conn = app.pool.acquire().await.expect("a connection");
    assert!(backtests::progress(&mut conn, id, 1, 40).await.expect("an answer"));
    assert_eq!(state(&frames.next().await), (json!("RUNNING"), json!(40)));
    assert!(backtests::fail(&mut conn, id, "TIMEOUT", "too slow").await.expect("an answer"));
    let last = frames.next().await;
    assert_eq!(state(&last), (json!("FAILED"), json!(40)));
    assert_eq!(last.data["errorCode"], "TIMEOUT");
    assert_eq!(frames.next_or_end().await, None, "the stream ends with the run");

    let again =
        user.request(Method::GET, &path).header("last-event-id", &last.id).send().await.expect("an answer");
    assert_eq!(again.status(), 204, "an EventSource stops here");
    let (mut missed, _) = Frames::open(&user, &path, Some(&first.id)).await;
    let mut told = Vec::new();
    while let Some(frame) = missed.next_or_end().await {
        told.push(state(&frame).0);
    }
    assert_eq!(told.last(), Some(&json!("FAILED")), "who missed the end is told: {told:?}");
    let (mut fresh, _) = Frames::open(&user, &path, None).await;
    assert_eq!(state(&fresh.next().await), (json!("FAILED"), json!(40)));
    assert_eq!(fresh.next_or_end().await, None);
}

#[tokio::test]
async fn a_workers_run_is_told_to_its_end() {
    let mut app = TestApp::builder().workers(1).start().await;
    let user = app.signed_up().await;
    let (id, _) = by_hand::submit_as(&user, &requests::long_backtest()).await;
    let (mut frames, _) = Frames::open(&user, &format!("/api/backtests/{id}/events"), None).await;
    let mut told = Vec::new();
    while let Some(frame) = frames.next_or_end().await {
        told.push(state(&frame).1.as_i64().expect("progress is a number"));
    }
    assert!(told.is_sorted(), "progress never falls within an attempt: {told:?}");
    let (_, run, _) = user.get(&format!("/api/backtests/{id}")).await;
    assert_eq!((&run["status"], told.last()), (&json!("DONE"), Some(&100)), "{run}");
    app.stop().await;
}
