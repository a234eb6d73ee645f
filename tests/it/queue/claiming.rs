//! What a claim takes, in which order, how it finds it, and under whose name.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use jobs::{
    Environment, Registry,
    kinds::exercise::{Act, Exercise},
    queue::{Counters, Enqueue, WorkerOptions, enqueue, enqueue_many},
};
use suites::{TestApp, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{LIMIT, act, attempts, begun, job, put, reaches};

fn slots(slots: usize) -> impl FnOnce(&mut jobs::config::Config) {
    move |config| config.worker.queues = [("default".to_owned(), slots)].into()
}

/// A worker that stops when the test says so, beside those of the app.
pub(super) fn worker(app: &TestApp, shutdown: &CancellationToken) -> JoinHandle<()> {
    let env = Arc::new(Environment::new(app.pool.clone(), Arc::clone(&app.config)));
    let (registry, options) = (Registry::new(true), WorkerOptions::default());
    let running = jobs::queue::run(env, registry, options, Arc::new(Counters::default()), shutdown.clone());
    tokio::spawn(async move { running.await.expect("it ends because it was told to") })
}

/// Waits until so many workers are listed.
pub(super) async fn workers(app: &TestApp, how_many: usize) -> BTreeSet<Uuid> {
    eventually(format!("{how_many} workers"), LIMIT, async || {
        let ids: Vec<Uuid> = sqlx::query_scalar("select worker_id from queue.workers")
            .fetch_all(&app.pool)
            .await
            .expect("read");
        let ids: BTreeSet<Uuid> = ids.into_iter().collect();
        if ids.len() == how_many { Ok(ids) } else { Err(ids) }
    })
    .await
}

#[tokio::test]
async fn jobs_start_by_priority_then_by_time_then_by_id() {
    let mut app = TestApp::builder().config(slots(1)).start().await;
    let now = Utc::now();
    let mut expected: Vec<(i16, DateTime<Utc>, Uuid)> = Vec::new();
    for priority in [3, -2, 0] {
        for minutes in [1, 7] {
            let pair = [Enqueue::new_id(), Enqueue::new_id()];
            // The later id first: neither the order of the inserts nor that of the heap may decide.
            for id in [pair[1], pair[0]] {
                let work = Exercise { deaf_ms: 40, ..Exercise::default() };
                put(&app, work, Enqueue::default().id(id).priority(priority)).await;
                let run_at = now - chrono::Duration::minutes(minutes);
                sqlx::query("update queue.jobs set run_at = $2 where job_id = $1")
                    .bind(id)
                    .bind(run_at)
                    .execute(&app.pool)
                    .await
                    .expect("updated");
                expected.push((priority, run_at, id));
            }
        }
    }
    expected.sort_unstable();
    app.start_worker();
    // Ends may be committed together, in any order; starts are not.
    let mut started = Vec::new();
    for (_, _, id) in &expected {
        started.push((reaches(&app, *id, "completed").await.started_at, *id));
    }
    started.sort_unstable();
    let seen: Vec<Uuid> = started.into_iter().map(|(_, id)| id).collect();
    let expected: Vec<Uuid> = expected.into_iter().map(|(_, _, id)| id).collect();
    assert_eq!(seen, expected, "one slot runs them one after the other, in claim order");
}

#[tokio::test]
async fn no_more_than_the_free_slots_is_claimed_of_work_that_takes_its_time() {
    let patient = |config: &mut jobs::config::Config| config.queue.lease_ms = 6_000;
    let app = TestApp::builder().workers(3).config(slots(2)).config(patient).start().await;
    let jobs: Vec<_> =
        (0..40).map(|_| Exercise { act: Act::Work { ms: 60_000 }, ..Exercise::default() }).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    let running = async || {
        sqlx::query_as::<_, (i64, i64, Option<i32>)>(
            "select count(*) filter (where state = 'running' and progress is not null),
                    count(*) filter (where state = 'running'), max(attempt)
               from queue.jobs",
        )
        .fetch_one(&app.pool)
        .await
        .expect("counted")
    };
    eventually("every slot has its job", LIMIT, async || {
        let seen = running().await;
        if seen.0 == 6 { Ok(()) } else { Err(seen) }
    })
    .await;
    // Polls have come and gone since: each worker has renewed its leases again.
    let before: DateTime<Utc> =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&app.pool).await.expect("the time");
    let lease = chrono::Duration::milliseconds(i64::try_from(app.config.queue.lease_ms).expect("short"));
    eventually("all leases were renewed", LIMIT, async || {
        sqlx::query_scalar::<_, bool>(
            "select bool_and(lease_expires_at > $1) from queue.jobs where state = 'running'",
        )
        .bind(before + lease)
        .fetch_one(&app.pool)
        .await
        .expect("read")
    })
    .await;
    assert_eq!(running().await, (6, 6, Some(1)), "three workers of two slots have six jobs, none beside");
}

#[tokio::test]
async fn a_claim_passes_over_rows_that_another_transaction_holds() {
    let mut app = TestApp::start().await;
    let held = act(&app, Act::Succeed).await;
    let next = act(&app, Act::Succeed).await;
    let mut other = app.pool.begin().await.expect("a transaction");
    sqlx::raw_sql("set local idle_in_transaction_session_timeout = 0")
        .execute(&mut *other)
        .await
        .expect("it may be silent for long");
    sqlx::query("select 1 from queue.jobs where job_id = $1 for update")
        .bind(held)
        .execute(&mut *other)
        .await
        .expect("locked");
    app.start_worker();
    reaches(&app, next, "completed").await;
    assert_eq!(job(&app, held).await.expect("it is there").state, "available");
    other.rollback().await.expect("unlocked");
    reaches(&app, held, "completed").await;
}

#[tokio::test]
async fn a_claim_reads_its_index_however_long_the_backlog_is() {
    let mut app = TestApp::builder().config(slots(1)).start().await;
    sqlx::raw_sql(
        "insert into queue.jobs (job_id, queue, kind, payload, state, priority, run_at)
         select gen_random_uuid(), case when n % 2 = 0 then 'other' else 'default' end, 'exercise', '{}',
                case when n % 3 = 0 then 'scheduled' else 'available' end::queue.job_state, 100,
                case when n % 3 = 0 then clock_timestamp() + interval '1 day' else clock_timestamp() end
           from generate_series(1, 20000) as n;
         update queue.jobs set kind = 'nobodys' where state = 'available';
         analyze queue.jobs",
    )
    .execute(&app.pool)
    .await
    .expect("a backlog");
    let pool = app.pool.clone();
    let read = async || {
        sqlx::query_as::<_, (i64, i64)>(
            "select t.seq_tup_read, i.idx_scan
               from pg_stat_user_tables t
               join pg_stat_user_indexes i using (relid)
              where t.relid = 'queue.jobs'::regclass and i.indexrelname = 'jobs_claim'",
        )
        .fetch_one(&pool)
        .await
        .expect("statistics")
    };
    let jobs: Vec<_> = (0..20).map(|_| Exercise { deaf_ms: 60, ..Exercise::default() }).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    let ids = enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    let before = read().await;
    app.start_worker();
    for id in ids {
        reaches(&app, id, "completed").await;
    }
    let after = eventually("the statistics of ten claims have come", LIMIT, async || {
        let now = read().await;
        if now.1 >= before.1 + 10 { Ok(now) } else { Err(now) }
    })
    .await;
    let scanned = after.0 - before.0;
    assert!(scanned < 5 * 20_000, "ten claims and more, and {scanned} rows read without the index");
}

#[tokio::test]
async fn every_start_of_a_worker_has_an_id_of_its_own() {
    let mut app = TestApp::builder().workers(2).start().await;
    let first = workers(&app, 2).await;
    app.stop().await;
    app.start_worker_anew();
    // A farewell may come too late on a busy machine; the new one is there all the same.
    eventually("a worker that was not there before", LIMIT, async || {
        let ids: Vec<Uuid> = sqlx::query_scalar("select worker_id from queue.workers")
            .fetch_all(&app.pool)
            .await
            .expect("read");
        if ids.iter().any(|id| !first.contains(id)) { Ok(()) } else { Err(ids) }
    })
    .await;
}

#[tokio::test]
async fn leases_are_renewed_while_a_worker_drains() {
    let app = TestApp::builder().config(|config| config.queue.lease_ms = 3_000).start().await;
    let (stops, stays) = (CancellationToken::new(), CancellationToken::new());
    let draining = worker(&app, &stops);
    let id = act(&app, Act::Work { ms: 10_000 }).await;
    begun(&app, id).await;
    let other = worker(&app, &stays);
    workers(&app, 2).await;
    stops.cancel();
    draining.await.expect("no panic");
    let done = reaches(&app, id, "completed").await;
    assert_eq!((done.attempt, done.crashes), (1, 0), "the other one had nothing to rescue");
    stays.cancel();
    other.await.expect("no panic");
}

#[tokio::test]
async fn an_attempt_past_its_deadline_fails_and_is_tried_again() {
    let app = TestApp::builder().workers(1).start().await;
    let job = Exercise { act: Act::Fail { times: 9 }, deaf_ms: 40_000, unique: None };
    let id = put(&app, job, Enqueue::default().max_failures(2)).await;
    // The deadline of the kind is 30 s.
    let ended = eventually("the first attempt has ended", Duration::from_mins(2), async || {
        attempts(&app, id).await.into_iter().next()
    })
    .await;
    assert_eq!((ended.outcome.as_str(), ended.error_class.as_deref()), ("retryable", Some("TIMEOUT")));
    let again = reaches(&app, id, "running").await;
    assert_eq!((again.attempt, again.failures, again.crashes), (2, 1, 0));
}

#[tokio::test]
async fn outcomes_of_many_jobs_are_committed_together() {
    let mut app = TestApp::builder().config(|config| config.queue.flush_ms = 20).start().await;
    let jobs: Vec<_> = (0..500).map(|_| Exercise::default()).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    app.start_worker();
    let commits = eventually("all are finished", LIMIT, async || {
        let (rows, commits): (i64, i64) =
            sqlx::query_as("select count(*), count(distinct xmin::text) from queue.finished")
                .fetch_one(&app.pool)
                .await
                .expect("counted");
        if rows == 500 { Ok(commits) } else { Err(rows) }
    })
    .await;
    assert!(commits < 250, "500 outcomes took {commits} transactions");
}

#[tokio::test]
async fn an_idle_worker_commits_an_outcome_without_waiting_for_company() {
    let hour = |config: &mut jobs::config::Config| config.queue.flush_ms = 3_600_000;
    let app = TestApp::builder().workers(1).config(hour).start().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let id = enqueue(&mut conn, &Exercise::default(), Enqueue::default()).await.expect("enqueued").job_id;
    reaches(&app, id, "completed").await;
}

#[tokio::test]
async fn what_is_more_urgent_is_not_kept_waiting_by_a_backlog() {
    let mut app = TestApp::builder().config(slots(10)).start().await;
    let mut conn = app.pool.acquire().await.expect("connected");
    let jobs = vec![Exercise { deaf_ms: 1, ..Exercise::default() }; 20_000];
    enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    app.start_worker();
    for turn in 0..3 {
        // Claims begin far behind by now; this one goes in before all that is left.
        let done = async || {
            let count = sqlx::query_scalar::<_, i64>("select count(*) from queue.finished");
            count.fetch_one(&app.pool).await.expect("counted")
        };
        let before = done().await;
        eventually("five hundred more", LIMIT, async || done().await >= before + 500).await;
        let urgent = Enqueue::new_id();
        put(&app, Exercise::default(), Enqueue::default().id(urgent).priority(-1 - turn)).await;
        reaches(&app, urgent, "completed").await;
        let left: i64 = sqlx::query_scalar("select count(*) from queue.jobs where state = 'available'")
            .fetch_one(&app.pool)
            .await
            .expect("counted");
        assert!(left > 0, "the urgent job of turn {turn} waited for the whole backlog");
    }
}
