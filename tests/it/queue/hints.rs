//! Hints and what is there without them: polls and a timer.

use std::time::Duration;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, Hints, enqueue, enqueue_many},
};
use sqlx::{Connection, postgres::PgListener};
use suites::{TestApp, eventually};

use super::{LIMIT, act, put, reaches};

const CHANNELS: [&str; 3] = ["capstan_jobs", "capstan_cancels", "capstan_admissions"];

async fn listener(app: &TestApp) -> PgListener {
    let mut listener = PgListener::connect_with(&app.pool).await.expect("a connection");
    listener.listen_all(CHANNELS).await.expect("listening");
    listener
}

/// Returns the payload of the next notification.
async fn next(listener: &mut PgListener) -> String {
    let heard = tokio::time::timeout(LIMIT, listener.recv()).await.expect("in time");
    heard.expect("a live connection").payload().to_owned()
}

#[tokio::test]
async fn an_enqueue_itself_notifies_nobody() {
    let app = TestApp::start().await;
    let mut listener = listener(&app).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    enqueue(&mut tx, &Exercise::default(), Enqueue::default()).await.expect("enqueued");
    enqueue(&mut tx, &Exercise::default(), Enqueue::default().fifo("K")).await.expect("enqueued");
    let jobs: Vec<_> = (0..10).map(|_| Exercise::default()).collect();
    enqueue_many(&mut tx, &jobs, &Enqueue::default()).await.expect("enqueued");
    tx.commit().await.expect("committed");
    sqlx::query("select pg_notify('capstan_jobs', 'the end')").execute(&app.pool).await.expect("sent");
    assert_eq!(next(&mut listener).await, "the end", "notifications come in the order of their commits");
}

#[tokio::test]
async fn hints_of_a_burst_become_one() {
    let app = TestApp::start().await;
    let mut listener = listener(&app).await;
    let hints = Hints::new(app.pool.clone());
    for _ in 0..1000 {
        hints.jobs("burst");
    }
    hints.jobs("the end");
    let mut bursts = 0;
    // Of one statement's hints the order is that of their names, of several that of sending.
    let mut ended = false;
    while !ended || bursts == 0 {
        match next(&mut listener).await.as_str() {
            "burst" => bursts += 1,
            _ => ended = true,
        }
    }
    assert!(bursts <= 10, "{bursts} notifications for a thousand hints");
}

#[tokio::test]
async fn a_worker_whose_listener_dies_goes_on_by_polling() {
    let app =
        TestApp::builder().workers(1).config(|config| config.queue.poll_interval_ms = 300).start().await;
    for _ in 0..5 {
        eventually("a listener has been killed", LIMIT, async || {
            let killed = sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and query ilike 'listen %capstan_cancels%'
                    and pid <> pg_backend_pid()",
            )
            .execute(&app.pool)
            .await
            .expect("terminated");
            killed.rows_affected() > 0
        })
        .await;
        let id = act(&app, Act::Succeed).await;
        reaches(&app, id, "completed").await;
    }
}

#[tokio::test]
async fn a_worker_process_listens_on_one_connection() {
    let app = TestApp::builder().workers(2).start().await;
    let listening = async || {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from pg_stat_activity
              where datname = current_database() and query ilike 'listen %capstan_cancels%'
                and pid <> pg_backend_pid()",
        )
        .fetch_one(&app.pool)
        .await
        .expect("counted")
    };
    eventually("both listen", LIMIT, async || {
        let seen = listening().await;
        if seen == 2 { Ok(()) } else { Err(seen) }
    })
    .await;
    for _ in 0..20 {
        act(&app, Act::Succeed).await;
    }
    let last = act(&app, Act::Succeed).await;
    reaches(&app, last, "completed").await;
    assert_eq!(listening().await, 2, "not one for each job or queue");
}

#[tokio::test]
async fn a_due_job_starts_without_a_hint_and_long_before_the_next_poll() {
    let mut app = TestApp::builder().config(|config| config.queue.poll_interval_ms = 3_600_000).start().await;
    let later = Enqueue::default().delay(Duration::from_millis(1500));
    let scheduled = put(&app, Exercise::default(), later).await;
    let failing = act(&app, Act::Fail { times: 1 }).await;
    app.start_worker();
    reaches(&app, scheduled, "completed").await;
    let done = reaches(&app, failing, "completed").await;
    assert_eq!(done.attempt, 2, "its backoff had a timer too");
}
