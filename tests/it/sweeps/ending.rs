//! How a sweep ends before its time: cancelled, or failed with a slice.

use jobs::queue::CancelOutcome;
use serde_json::json;
use suites::{TestApp, eventually};

use super::{LIMIT, SWEEP, WALK, count, idle, submit, sweep_body, until, walk_body};

#[tokio::test]
async fn a_waiting_sweep_is_cancelled_with_all_its_jobs() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for (path, body, action) in
        [(SWEEP, sweep_body(), "cancel_sweep"), (WALK, walk_body(), "cancel_walk_forward")]
    {
        let (id, _) = submit(&user, path, &body).await;
        let cancel = format!("{path}/{id}/cancel");
        let (status, sweep, _) = user.post(&cancel, &json!({"reason": "changed my mind"})).await;
        assert_eq!(
            (status.as_u16(), &sweep["status"], &sweep["errorCode"]),
            (200, &json!("CANCELLED"), &json!("CANCELLED"))
        );
        assert_eq!(count(&app.pool, "select count(*) from queue.jobs").await, 0, "also the one that waits");
        let (status, reply, _) = user.post_empty(&cancel).await;
        assert_eq!((status.as_u16(), &reply["code"]), (409, &json!("ALREADY_FINISHED")), "{reply}");
        let audited: Vec<Option<String>> =
            sqlx::query_scalar("select reason from audit_log where action = $1")
                .bind(action)
                .fetch_all(&app.pool)
                .await
                .expect("the database answers");
        assert_eq!(audited, [Some("changed my mind".to_owned())]);
    }
}

#[tokio::test]
async fn a_running_sweep_stops_when_cancelled_and_records_nothing_more() {
    let mut app = TestApp::builder()
        .workers(2)
        // Some two hundred combinations a second: a slice takes more than a second.
        .config(|config| config.backtest.pace_bars_per_s = 400_000)
        .start()
        .await;
    let user = app.signed_up().await;
    let (id, _) = submit(&user, SWEEP, &sweep_body()).await;
    let path = format!("{SWEEP}/{id}");
    until(&user, &path, "RUNNING").await;
    let (status, sweep, _) = user.post_empty(&format!("{path}/cancel")).await;
    assert_eq!((status.as_u16(), &sweep["status"]), (200, &json!("CANCELLED")), "{sweep}");
    idle(&app).await;
    let before = user.get(&path).await.1;
    assert_eq!(before["status"], "CANCELLED");
    assert!(before["done"].as_i64() < Some(360), "{before}");
    assert_eq!(user.get(&format!("{path}/results")).await.1, json!([]));
    let finished: Vec<(String, i64)> =
        sqlx::query_as("select state::text, count(*) from queue.finished group by 1 order by 1")
            .fetch_all(&app.pool)
            .await
            .expect("the database answers");
    assert!(finished.iter().all(|(state, _)| state == "cancelled" || state == "completed"), "{finished:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_slice_that_fails_fails_the_sweep_and_stops_the_rest() {
    let mut app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = submit(&user, SWEEP, &sweep_body()).await;
    // The bars vanish after the request was checked.
    sqlx::query("delete from bars where symbol = 'AAPL'").execute(&app.pool).await.expect("bars go");
    app.start_worker();
    let sweep = until(&user, &format!("{SWEEP}/{id}"), "FAILED").await;
    assert_eq!(sweep["errorCode"], "NO_DATA");
    assert!(sweep["errorMessage"].as_str().is_some_and(|said| said.contains("AAPL")), "{sweep}");
    idle(&app).await;
    // Another slice may be under way by then and fail too; what comes later is cancelled, or sees that
    // it is over.
    let others = "select count(*) from queue.finished
                   where kind <> 'stop_sweep' and (state = 'cancelled' or output ? 'skipped')";
    let failed = "select count(*) from queue.finished where state = 'discarded'";
    eventually("all have ended", LIMIT, async || {
        let seen = (count(&app.pool, failed).await, count(&app.pool, others).await);
        if seen.0 >= 1 && seen.0 + seen.1 == 3 { Ok(()) } else { Err(seen) }
    })
    .await;
    assert_eq!(count(&app.pool, "select count(*) from sweep_results").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_sweep_whose_slice_is_cancelled_by_hand_is_cancelled() {
    let mut app = TestApp::start().await;
    let user = app.signed_up().await;
    let (id, _) = submit(&user, WALK, &walk_body()).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let job_id = sqlx::query_scalar("select job_id from sweep_parts where part = 1")
        .fetch_one(&mut *conn)
        .await
        .expect("the database answers");
    let outcome = jobs::cancel(&mut conn, job_id, "by hand").await.expect("it is cancelled");
    assert_eq!(outcome, CancelOutcome::Cancelled);
    drop(conn);
    let (_, walk, _) = user.get(&format!("{WALK}/{id}")).await;
    assert_eq!(walk["status"], "CANCELLED");
    app.start_worker();
    idle(&app).await;
    app.stop().await;
}
