//! What a stream looks like to its client.

use std::{net::SocketAddr, time::Duration};

use api::{
    AppState,
    event_hub::{EventHub, Timing},
};
use chrono::{TimeDelta, Utc};
use jobs::db::events::{self, Cursor};
use suites::{TestApp, eventually};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::frames::{Frames, append};

#[tokio::test]
async fn a_client_gets_its_own_events_only() {
    let app = TestApp::start().await;
    let (one, two) = (app.signed_up().await, app.signed_up().await);
    let (mut first, greeting) = Frames::open(&one, "/api/events", None).await;
    let path = format!("/api/sse/trading?userId={}", one.user_id);
    let (mut second, _) = Frames::open(&two, &path, None).await;
    assert!(greeting.data["clientId"].is_string(), "{greeting:?}");
    let mut conn = app.pool.acquire().await.expect("a connection");
    for n in 0..6 {
        append(&mut conn, if n % 2 == 0 { &one } else { &two }, n).await;
    }
    assert_eq!(first.numbers(3).await, [0, 2, 4]);
    assert_eq!(second.numbers(3).await, [1, 3, 5], "whatever the query says");
    let (mut replayed, _) = Frames::open(&two, "/api/events", Some(&greeting.id)).await;
    assert_eq!(replayed.numbers(3).await, [1, 3, 5], "nor does a replay show more");
}

#[tokio::test]
async fn a_malformed_last_event_id_is_told_to_read_anew_and_an_empty_one_starts_live() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    append(&mut conn, &user, 1).await;
    settle(&app).await;
    for bad in ["", "latest", "1", "1.x", "-1.1", "1735689600000"] {
        let (mut frames, _) = Frames::open(&user, "/api/events", Some(bad)).await;
        if !bad.is_empty() {
            assert_eq!(frames.next().await.event, "reset", "{bad:?}");
        }
        append(&mut conn, &user, 2).await;
        assert_eq!(frames.numbers(1).await, [2], "{bad:?}");
        settle(&app).await;
    }
}

#[tokio::test]
async fn a_client_that_was_away_too_long_is_told_to_read_anew() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (mut frames, _) = Frames::open(&user, "/api/events", None).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    append(&mut conn, &user, 1).await;
    let known = frames.next().await.id;
    append(&mut conn, &user, 2).await;
    settle(&app).await;
    let (mut kept, _) = Frames::open(&user, "/api/events", Some(&known)).await;
    assert_eq!(kept.numbers(1).await, [2]);
    let removed = events::prune(&mut conn, Utc::now() + TimeDelta::days(1), 100).await.expect("an answer");
    assert_eq!(removed, 1);
    for lost in [known.as_str(), "99999999.1"] {
        let (mut frames, _) = Frames::open(&user, "/api/events", Some(lost)).await;
        assert_eq!(frames.next().await.event, "reset", "{lost}");
        append(&mut conn, &user, 3).await;
        assert_eq!(frames.numbers(1).await, [3], "and goes on live");
        settle(&app).await;
    }
}

#[tokio::test]
async fn a_silent_stream_sends_comments_and_ends_with_the_process() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let timing = Timing { keepalive: Duration::from_millis(50), ..Timing::default() };
    let (url, shutdown, serving) = serve(&app, timing).await;
    let response = user.client.get(format!("{url}/api/events")).send().await.expect("an answer");
    let mut frames = Frames::of(response);
    assert_eq!(frames.next().await.event, "agent:status");
    for _ in 0..3 {
        assert_eq!(frames.raw().await.expect("the stream goes on").comment, "keepalive");
    }
    shutdown.cancel();
    while let Some(frame) = frames.raw().await {
        assert_eq!(frame.comment, "keepalive");
    }
    serving.await.expect("the API stops without a panic");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let timing = Timing { session_check: Duration::from_millis(50), ..Timing::default() };
    let (url, shutdown, serving) = serve(&app, timing).await;
    let response = user.client.get(format!("{url}/api/events")).send().await.expect("an answer");
    let mut frames = Frames::of(response);
    assert_eq!(frames.next().await.event, "agent:status");
    let mut conn = app.pool.acquire().await.expect("a connection");
    append(&mut conn, &user, 1).await;
    assert_eq!(frames.numbers(1).await, [1], "it outlives checks while the session holds");
    let (status, _, _) = user.post_empty("/api/auth/logout").await;
    assert_eq!(status, 200);
    assert_eq!(frames.next_or_end().await, None);
    shutdown.cancel();
    serving.await.expect("the API stops without a panic");
}

/// Serves the API a second time on the database of `app`, with its own clocks.
async fn serve(app: &TestApp, timing: Timing) -> (String, CancellationToken, JoinHandle<()>) {
    let mut state = AppState::new(app.pool.clone(), (*app.config).clone());
    state.hub = EventHub::start(app.pool.clone(), state.shutdown.clone(), timing);
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let serving =
        tokio::spawn(async move { api::serve(listener, state, stop).await.expect("the API serves") });
    (url, shutdown, serving)
}

/// Waits until every committed event can be read: other tests write in the same cluster.
async fn settle(app: &TestApp) {
    eventually("the events to settle", Duration::from_mins(1), async || {
        let mut conn = app.pool.acquire().await.expect("a connection");
        !events::unsettled_after(&mut conn, Cursor::START).await.expect("an answer")
    })
    .await;
}
