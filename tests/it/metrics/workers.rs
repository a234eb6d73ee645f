//! What workers count.

use std::time::Duration;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, enqueue},
    telemetry,
};
use suites::{Capstan, TestApp, TestDatabase, eventually};

use super::{check, scrape, value};

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_mins(1);

async fn put(app: &TestApp, act: Act) {
    let mut conn = app.pool.acquire().await.expect("a connection");
    let job = Exercise { act, ..Exercise::default() };
    enqueue(&mut conn, &job, Enqueue::default().max_failures(2)).await.expect("it is enqueued");
}

#[tokio::test]
async fn attempts_are_counted_by_what_came_of_them() {
    let app = TestApp::builder().workers(1).start().await;
    for act in [Act::Succeed, Act::Succeed, Act::Refuse, Act::Panic { times: 1 }] {
        put(&app, act).await;
    }
    eventually("all four have ended", LIMIT, async || {
        let ended = sqlx::query_scalar::<_, i64>("select count(*) from queue.finished");
        ended.fetch_one(&app.pool).await.is_ok_and(|ended| ended == 4)
    })
    .await;
    eventually("the last commit is counted", LIMIT, async || app.counters[0].finished_total() == 5).await;
    let mut registry = telemetry::registry();
    app.counters[0].register(&mut registry);
    let text = telemetry::plain(&telemetry::exposition([&registry]).expect("text in memory"));
    check(&text);
    let work = r#"queue="default",kind="exercise""#;
    for (series, expected) in [
        (format!("capstan_attempts_started_total{{{work}}}"), 5.0),
        (format!(r#"capstan_attempts_ended_total{{{work},outcome="completed"}}"#), 3.0),
        (format!(r#"capstan_attempts_ended_total{{{work},outcome="retryable"}}"#), 1.0),
        (format!(r#"capstan_attempts_ended_total{{{work},outcome="discarded"}}"#), 1.0),
        (r#"capstan_attempts_failed_total{kind="exercise",class="EXERCISE"}"#.to_owned(), 1.0),
        (r#"capstan_attempts_failed_total{kind="exercise",class="PANIC"}"#.to_owned(), 1.0),
        (format!("capstan_handler_duration_seconds_count{{{work}}}"), 5.0),
        (format!("capstan_queue_latency_seconds_count{{{work}}}"), 5.0),
        (format!("capstan_worker_running{{{work}}}"), 0.0),
        ("capstan_claimed_total".to_owned(), 5.0),
        ("capstan_committed_outcomes_total".to_owned(), 5.0),
        ("capstan_flush_batch_size_sum".to_owned(), 5.0),
        ("capstan_fenced_writes_total".to_owned(), 0.0),
        ("capstan_lease_losses_total".to_owned(), 0.0),
        ("capstan_rescued_total".to_owned(), 0.0),
        (r#"capstan_worker_slots{queue="backtests"}"#.to_owned(), 2.0),
    ] {
        assert_eq!(value(&text, &series), Some(expected), "{series} in\n{text}");
    }
}

#[tokio::test]
async fn a_worker_process_shows_its_own() {
    let database = TestDatabase::create().await;
    let mut worker =
        Capstan::worker(database.url()).env("CAPSTAN__WORKER__METRICS_LISTEN", "127.0.0.1:0").start();
    let url = worker.url(LIMIT).await;
    worker.says(&format!("metrics on {url}/metrics"), LIMIT).await;
    worker.says("serves", LIMIT).await;
    let text = scrape(&format!("{url}/metrics")).await;
    assert_eq!(value(&text, r#"capstan_worker_slots{queue="default"}"#), Some(10.0));
    assert!(
        text.contains("capstan_build_info{version=") && text.contains("capstan_database_connections_max")
    );
    assert_eq!(reqwest::get(&url).await.expect("an answer").status(), 404, "nothing else is there");
    worker.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(worker.ended(LIMIT).await.success());
}
