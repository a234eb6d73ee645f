//! Jobs that wait for others: FIFO keys, limits by key, predecessors.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, enqueue_many, operate},
};
use suites::{TestApp, eventually};
use uuid::Uuid;

use super::{LIMIT, act, job, leases::abandon, put, reaches};

async fn set_limit(app: &TestApp, key: &str, max_running: Option<i32>, rate: Option<i32>) {
    sqlx::query("insert into queue.limits (limit_key, max_running, rate_per_minute, tokens) values ($1, $2, $3, 1000)")
        .bind(key)
        .bind(max_running)
        .bind(rate)
        .execute(&app.pool)
        .await
        .expect("set");
}

/// When each job ran, in the order given.
async fn spans(app: &TestApp, ids: &[Uuid]) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut spans = Vec::new();
    for id in ids {
        let done = reaches(app, *id, "completed").await;
        spans.push((done.started_at.expect("it ran"), done.finished_at.expect("it ended")));
    }
    spans
}

#[tokio::test]
async fn jobs_of_a_fifo_key_run_one_at_a_time_in_order() {
    let app = TestApp::builder().workers(2).start().await;
    let mut ids = Vec::new();
    for n in 0..8 {
        let work = Exercise { deaf_ms: if n % 2 == 0 { 60 } else { 1 }, ..Exercise::default() };
        ids.push(put(&app, work, Enqueue::default().fifo("AAPL").priority(-n)).await);
    }
    let spans = spans(&app, &ids).await;
    for pair in spans.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "one ended {} before the next started {}", pair[0].1, pair[1].0);
    }
}

#[tokio::test]
async fn keys_do_not_wait_for_each_other() {
    let app = TestApp::builder().workers(1).start().await;
    let slow = put(
        &app,
        Exercise { act: Act::Work { ms: 20_000 }, ..Exercise::default() },
        Enqueue::default().fifo("A"),
    )
    .await;
    let behind = put(&app, Exercise::default(), Enqueue::default().fifo("A")).await;
    let other = put(&app, Exercise::default(), Enqueue::default().fifo("B")).await;
    reaches(&app, other, "completed").await;
    assert_eq!(job(&app, slow).await.expect("there").state, "running");
    assert_eq!(job(&app, behind).await.expect("there").state, "blocked");
}

#[tokio::test]
async fn a_failing_head_holds_up_its_key_until_it_is_through() {
    let app = TestApp::builder().workers(2).start().await;
    let head = put(
        &app,
        Exercise { act: Act::Fail { times: 2 }, ..Exercise::default() },
        Enqueue::default().fifo("K"),
    )
    .await;
    let next = put(&app, Exercise::default(), Enqueue::default().fifo("K")).await;
    let spans = spans(&app, &[head, next]).await;
    assert!(spans[0].1 <= spans[1].0, "the head's retries come first");
    let refused =
        put(&app, Exercise { act: Act::Refuse, ..Exercise::default() }, Enqueue::default().fifo("K")).await;
    let after = put(&app, Exercise::default(), Enqueue::default().fifo("K")).await;
    reaches(&app, refused, "discarded").await;
    reaches(&app, after, "completed").await;
}

#[tokio::test]
async fn a_quarantined_head_holds_up_its_key_until_it_is_discarded() {
    let mut app = TestApp::start().await;
    let head = put(&app, Exercise::default(), Enqueue::default().fifo("K")).await;
    let next = put(&app, Exercise::default(), Enqueue::default().fifo("K")).await;
    abandon(&app, head, app.config.queue.crash_budget - 1).await;
    app.start_worker();
    reaches(&app, head, "quarantined").await;
    let other = put(&app, Exercise::default(), Enqueue::default().fifo("another")).await;
    reaches(&app, other, "completed").await;
    assert_eq!(job(&app, next).await.expect("there").state, "blocked");
    let mut conn = app.pool.acquire().await.expect("a connection");
    operate::discard(&mut conn, head, "given up").await.expect("it is quarantined");
    reaches(&app, next, "completed").await;
}

#[tokio::test]
async fn concurrent_enqueues_of_a_key_keep_one_order() {
    let app = TestApp::builder().workers(2).start().await;
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let pool = app.pool.clone();
            tokio::spawn(async move {
                let mut tx = pool.begin().await.expect("a transaction");
                let options = Enqueue::default().fifo("K");
                let id = jobs::queue::enqueue(&mut tx, &Exercise::default(), options)
                    .await
                    .expect("enqueued")
                    .job_id;
                tx.commit().await.expect("committed");
                id
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.expect("no panic"));
    }
    let mut spans = spans(&app, &ids).await;
    spans.sort_unstable();
    for pair in spans.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "two of a key ran at once");
    }
}

#[tokio::test]
async fn a_limit_holds_over_the_whole_fleet() {
    let app = TestApp::builder().workers(3).start().await;
    set_limit(&app, "broker", Some(2), None).await;
    let jobs: Vec<_> = (0..12).map(|_| Exercise { deaf_ms: 150, ..Exercise::default() }).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    let ids = enqueue_many(&mut conn, &jobs, &Enqueue::default().limit("broker")).await.expect("enqueued");
    let mut edges: Vec<(DateTime<Utc>, i32)> = Vec::new();
    for (start, end) in spans(&app, &ids).await {
        edges.extend([(start, 1), (end, -1)]);
    }
    edges.sort_unstable();
    let mut running = 0;
    let most = edges
        .iter()
        .map(|(_, step)| {
            running += step;
            running
        })
        .max();
    assert_eq!(most, Some(2), "as many as allowed, and no more");
}

#[tokio::test]
async fn without_a_limit_more_run_at_once() {
    // The control of the test above.
    let app = TestApp::builder().workers(3).start().await;
    for _ in 0..6 {
        let work = Exercise { act: Act::Work { ms: 60_000 }, ..Exercise::default() };
        put(&app, work, Enqueue::default().limit("none")).await;
    }
    eventually("all six run at once", LIMIT, async || {
        sqlx::query_scalar::<_, i64>("select count(*) from queue.jobs where state = 'running'")
            .fetch_one(&app.pool)
            .await
            .expect("counted")
            == 6
    })
    .await;
}

#[tokio::test]
async fn a_rate_spreads_jobs_out() {
    let app = TestApp::builder().workers(2).start().await;
    // 600 a minute: a burst of 60, then nine a second.
    set_limit(&app, "calls", None, Some(600)).await;
    let jobs: Vec<_> = (0..75).map(|_| Exercise::default()).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    let ids = enqueue_many(&mut conn, &jobs, &Enqueue::default().limit("calls")).await.expect("enqueued");
    let mut starts: Vec<_> = spans(&app, &ids).await.into_iter().map(|s| s.0).collect();
    starts.sort_unstable();
    // Counted from the enqueue: how long a slow machine takes for the burst says nothing.
    let enqueued = job(&app, ids[0]).await.expect("there").created_at;
    for (started, at) in (1_u32..).zip(&starts).skip(60) {
        let since = (*at - enqueued).to_std().expect("later");
        let least = Duration::from_secs(1) * (started - 60) / 9;
        assert!(since >= least, "{started} jobs had started {since:?} after the enqueue");
    }
}

#[tokio::test]
async fn a_job_runs_after_all_its_predecessors_however_they_end() {
    let mut app = TestApp::start().await;
    let slow = act(&app, Act::Work { ms: 600 }).await;
    let refused = act(&app, Act::Refuse).await;
    let flaky = act(&app, Act::Fail { times: 1 }).await;
    let last = put(&app, Exercise::default(), Enqueue::default().after(&[slow, refused, flaky])).await;
    assert_eq!(job(&app, last).await.expect("there").state, "blocked");
    app.start_worker();
    app.start_worker();
    let started = reaches(&app, last, "completed").await.started_at.expect("it ran");
    for id in [slow, refused, flaky] {
        let ended = job(&app, id).await.expect("there").finished_at.expect("it ended first");
        assert!(ended <= started);
    }
}

#[tokio::test]
async fn a_job_and_what_it_waits_for_appear_together_even_without_a_transaction_of_the_caller() {
    let app = TestApp::start().await;
    let first = act(&app, Act::Succeed).await;
    let second = put(&app, Exercise::default(), Enqueue::default().after(&[first]).fifo("K")).await;
    let together: bool = sqlx::query_scalar(
        "select d.xmin = j.xmin
           from queue.dependencies d
           join queue.jobs j on j.job_id = d.job_id
          where d.job_id = $1",
    )
    .bind(second)
    .fetch_one(&app.pool)
    .await
    .expect("both are there");
    assert!(together, "between two transactions the chores would forget what it waits for");
}

#[tokio::test]
async fn a_job_whose_predecessors_are_gone_already_does_not_wait() {
    let app = TestApp::builder().workers(1).start().await;
    let first = act(&app, Act::Succeed).await;
    reaches(&app, first, "completed").await;
    let second = put(&app, Exercise::default(), Enqueue::default().after(&[first, Enqueue::new_id()])).await;
    reaches(&app, second, "completed").await;
}

#[tokio::test]
async fn a_thousand_predecessors_fan_in_to_one_job() {
    let app = TestApp::builder().workers(2).start().await;
    let jobs: Vec<_> = (0..1000).map(|_| Exercise::default()).collect();
    let mut tx = app.pool.begin().await.expect("a transaction");
    let ids = enqueue_many(&mut tx, &jobs, &Enqueue::default()).await.expect("enqueued");
    let options = Enqueue::default().after(&ids);
    let last = jobs::queue::enqueue(&mut tx, &Exercise::default(), options).await.expect("enqueued").job_id;
    tx.commit().await.expect("committed");
    let started = reaches(&app, last, "completed").await.started_at;
    let latest: Option<DateTime<Utc>> =
        sqlx::query_scalar("select max(finished_at) from queue.finished where job_id <> $1")
            .bind(last)
            .fetch_one(&app.pool)
            .await
            .expect("read");
    assert!(latest <= started);
}

#[tokio::test]
async fn a_job_past_its_time_expires_instead_of_running_late() {
    let mut app = TestApp::start().await;
    let late = put(&app, Exercise::default(), Enqueue::default().not_after(Duration::from_millis(1))).await;
    let early = put(&app, Exercise::default(), Enqueue::default().not_after(Duration::from_mins(10))).await;
    eventually("its time is over", LIMIT, async || {
        sqlx::query_scalar::<_, bool>(
            "select not_after < clock_timestamp() from queue.jobs where job_id = $1",
        )
        .bind(late)
        .fetch_one(&app.pool)
        .await
        .expect("read")
    })
    .await;
    app.start_worker();
    let done = reaches(&app, late, "discarded").await;
    assert!(done.last_error.as_deref().is_some_and(|e| e.starts_with("EXPIRED")), "{done:?}");
    assert_eq!(done.failures, 0);
    reaches(&app, early, "completed").await;
}

#[tokio::test]
async fn a_bulk_insert_keeps_the_order_under_each_fifo_key() {
    let app = TestApp::builder().workers(2).start().await;
    let first =
        put(&app, Exercise { deaf_ms: 100, ..Exercise::default() }, Enqueue::default().fifo("A")).await;
    let jobs: Vec<_> = (0..6).map(|n| Exercise { deaf_ms: 40 - 6 * n, ..Exercise::default() }).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    let bulk = enqueue_many(&mut conn, &jobs, &Enqueue::default().fifo("A")).await.expect("enqueued");
    let last = put(&app, Exercise::default(), Enqueue::default().fifo("A")).await;
    assert_eq!(bulk.len(), jobs.len());
    let ids: Vec<_> = std::iter::once(first).chain(bulk).chain([last]).collect();
    for pair in spans(&app, &ids).await.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "one ended {} before the next started {}", pair[0].1, pair[1].0);
    }
}

#[tokio::test]
async fn of_a_bulk_insert_only_the_head_of_a_free_fifo_key_is_available() {
    let app = TestApp::start().await;
    let keyed = |key: &str| Exercise { unique: Some(key.into()), ..Exercise::default() };
    let mut conn = app.pool.acquire().await.expect("a connection");
    let taken = jobs::queue::enqueue(&mut conn, &keyed("b"), Enqueue::default()).await.expect("enqueued");
    assert!(taken.inserted);
    let jobs = [keyed("a"), keyed("b"), keyed("c")];
    let ids = enqueue_many(&mut conn, &jobs, &Enqueue::default().fifo("K")).await.expect("enqueued");
    assert_eq!(ids.len(), 2, "b is taken");
    let mut states = Vec::new();
    for id in &ids {
        states.push(job(&app, *id).await.expect("there").state);
    }
    assert_eq!(states, ["available", "blocked"]);
    // Its turn is held until the commit.
    let mut tx = app.pool.begin().await.expect("a transaction");
    enqueue_many(&mut tx, &[Exercise::default()], &Enqueue::default().fifo("held")).await.expect("enqueued");
    let free: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock(hashtextextended('fifo:held', 0))")
        .fetch_one(&app.pool)
        .await
        .expect("an answer");
    assert!(!free, "nobody else gets a place under the key meanwhile");
    tx.rollback().await.expect("rolled back");
}
