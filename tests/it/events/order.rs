//! The order of events, whoever commits first.

use std::time::Duration;

use api::event_hub::{EventHub, Item, Timing};
use jobs::db::events::{self, Audience, Cursor};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::Connection;
use suites::{TestApp, eventually};
use tokio_util::sync::CancellationToken;

use super::frames::{Frames, append, id_of};

#[tokio::test]
async fn an_event_committed_late_is_neither_skipped_nor_overtaken() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (mut live, greeting) = Frames::open(&user, "/api/events", None).await;

    let mut late = app.pool.begin().await.expect("a transaction");
    append(&mut late, &user, 1).await;
    let mut early = app.pool.acquire().await.expect("a connection");
    append(&mut early, &user, 2).await;
    let seen = events::page_after(&mut early, Audience::User(id_of(&user)), Cursor::START, 10).await;
    assert_eq!(seen.expect("a page"), [], "what is committed waits for what is not");
    assert!(events::unsettled_after(&mut early, Cursor::START).await.expect("an answer"));
    // A stream opened between the two commits starts before both.
    let (mut between, _) = Frames::open(&user, "/api/events", None).await;
    late.commit().await.expect("the late one is committed");

    assert_eq!(live.numbers(2).await, [1, 2]);
    assert_eq!(between.numbers(2).await, [1, 2]);
    let (mut resumed, _) = Frames::open(&user, "/api/events", Some(&greeting.id)).await;
    assert_eq!(resumed.numbers(2).await, [1, 2], "the greeting's id resumes before both");
}

#[tokio::test]
async fn a_resumed_stream_has_no_gap_and_no_duplicate() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let mut last = Frames::open(&user, "/api/events", None).await.1.id;
    let mut received = Vec::new();
    for round in 0..4 {
        for n in 0..5 {
            append(&mut conn, &user, round * 10 + n).await;
        }
        let path = format!("/api/sse/trading?lastEventId={last}");
        let (mut frames, _) = Frames::open(&user, &path, None).await;
        for n in 5..8 {
            append(&mut conn, &user, round * 10 + n).await;
        }
        // The last two of eight are left for the next connection.
        for _ in 0..if round == 0 { 6 } else { 8 } {
            let frame = frames.next().await;
            received.push(frame.data["n"].as_i64().expect("an event of the test"));
            last = frame.id;
        }
    }
    let sent: Vec<i64> = (0..4).flat_map(|round| (0..8).map(move |n| round * 10 + n)).collect();
    assert_eq!(received, sent[..30]);
}

/// The property behind all streams: however transactions interleave, a reader that goes by
/// cursors sees every event once, in one order.
#[tokio::test]
async fn readers_see_every_event_once_however_commits_interleave() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let audience = Audience::User(id_of(&user));
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut open = Vec::new();
    let (mut written, mut committed, mut received) = (0, 0, Vec::new());
    let mut cursor = Cursor::START;
    while written < 120 || !open.is_empty() {
        match dice.random_range(0..3) {
            0 if written < 120 && open.len() < 4 => {
                let mut tx = app.pool.begin().await.expect("a transaction");
                let events = dice.random_range(1..4);
                for _ in 0..events {
                    append(&mut tx, &user, written).await;
                    written += 1;
                }
                open.push((tx, events));
            }
            1 if !open.is_empty() => {
                let (tx, events) = open.swap_remove(dice.random_range(0..open.len()));
                tx.commit().await.expect("a commit");
                committed += events;
            }
            _ => {
                let mut conn = app.pool.acquire().await.expect("a connection");
                let page = events::page_after(&mut conn, audience, cursor, 3).await.expect("a page");
                cursor = page.last().map_or(cursor, |event| event.cursor);
                received.extend(page);
            }
        }
    }
    eventually("all events to be seen", Duration::from_mins(1), async || {
        let mut conn = app.pool.acquire().await.expect("a connection");
        let page = events::page_after(&mut conn, audience, cursor, 50).await.expect("a page");
        cursor = page.last().map_or(cursor, |event| event.cursor);
        received.extend(page);
        received.len() == committed
    })
    .await;
    assert!(received.is_sorted_by(|one, next| one.cursor < next.cursor), "in order, none twice");
    let mut numbers: Vec<_> = received.iter().filter_map(|event| event.body["n"].as_i64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..written).collect::<Vec<_>>(), "none is skipped");
}

#[tokio::test]
async fn a_slow_reader_goes_back_to_the_table() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let shutdown = CancellationToken::new();
    let timing = Timing { poll: Duration::from_millis(50), ..Timing::default() };
    let hub = EventHub::start(app.pool.clone(), shutdown.clone(), timing);
    let audience = Audience::User(id_of(&user));
    let mut slow = hub.open(audience, None).await.expect("a feed");
    // More than the hub buffers for a stream.
    sqlx::query(
        "insert into events (user_id, name, body)
         select $1, 'alert:new', jsonb_build_object('n', n) from generate_series(0, 2999) as n",
    )
    .bind(id_of(&user))
    .execute(&app.pool)
    .await
    .expect("the events are appended");
    let mut told = hub.subscribe();
    eventually("the whole batch to be broadcast", Duration::from_mins(1), async || {
        loop {
            match told.recv().await {
                Ok(event) if event.body["n"] == 2999 => return true,
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    for n in 0..3000 {
        match slow.next().await.expect("a feed reads") {
            Some(Item::Event(event)) => assert_eq!(event.body["n"], n),
            other => panic!("{other:?} instead of event {n}"),
        }
    }
    shutdown.cancel();
    assert_eq!(slow.next().await.expect("a feed ends"), None);
}

#[tokio::test]
async fn what_is_pruned_is_oldest_first_and_never_the_newest() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    for n in 0..10 {
        append(&mut conn, &user, n).await;
    }
    let everything = chrono::Utc::now() + chrono::TimeDelta::days(1);
    eventually("the events to settle", Duration::from_mins(1), async || {
        let mut other = app.pool.acquire().await.expect("a connection");
        !events::unsettled_after(&mut other, Cursor::START).await.expect("an answer")
    })
    .await;
    let before = chrono::Utc::now() - chrono::TimeDelta::days(1);
    assert_eq!(events::prune(&mut conn, before, 100).await.expect("an answer"), 0, "they are young");
    assert!(events::can_resume(&mut conn, Cursor::START).await.expect("an answer"));
    assert_eq!(events::prune(&mut conn, everything, 4).await.expect("an answer"), 4);
    assert!(!events::can_resume(&mut conn, Cursor::START).await.expect("an answer"));
    assert_eq!(events::prune(&mut conn, everything, 100).await.expect("an answer"), 5);
    let left = events::page_after(&mut conn, Audience::Everyone, Cursor::START, 10).await.expect("a page");
    assert_eq!(left.iter().map(|event| event.body["n"].clone()).collect::<Vec<_>>(), [9]);
    conn.ping().await.expect("the connection holds");
}
