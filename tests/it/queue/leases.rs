//! Leases and fences: a healthy attempt keeps its job, a vanished one loses it, and a stale
//! one writes nothing.

use jobs::{
    config::Config,
    kinds::exercise::{Act, Exercise},
    queue::Enqueue,
};
use suites::{TestApp, eventually};
use uuid::Uuid;

use super::{LIMIT, act, attempts, begun, job, put, reaches};

/// Makes it look as if a worker had claimed the job and vanished.
pub(super) async fn abandon(app: &TestApp, id: Uuid, crashes: i32) {
    let left = sqlx::query(
        "update queue.jobs
            set state = 'running', attempt = attempt + 1, crashes = $2, worker_id = gen_random_uuid(),
                lease_token = gen_random_uuid(), started_at = clock_timestamp(),
                lease_expires_at = clock_timestamp() - interval '1 millisecond'
          where job_id = $1 and state = 'available'",
    )
    .bind(id)
    .bind(crashes)
    .execute(&app.pool)
    .await
    .expect("updated");
    assert_eq!(left.rows_affected(), 1);
}

#[tokio::test]
async fn a_claim_counts_the_attempt_and_leases_it_to_its_worker() {
    // So long that no renewal falls into the test.
    let lease_ms = 600_000;
    let app =
        TestApp::builder().workers(1).config(move |config| config.queue.lease_ms = lease_ms).start().await;
    let id = act(&app, Act::Work { ms: 25_000 }).await;
    let claimed = begun(&app, id).await;
    assert_eq!((claimed.state.as_str(), claimed.attempt), ("running", 1));
    let worker: Uuid = eventually("the worker is listed", LIMIT, async || {
        sqlx::query_scalar("select worker_id from queue.workers")
            .fetch_optional(&app.pool)
            .await
            .expect("the database answers")
    })
    .await;
    assert_eq!(claimed.worker_id, Some(worker));
    let lease = claimed.lease_expires_at.expect("it is leased") - claimed.started_at.expect("it has started");
    let length = chrono::Duration::milliseconds(lease_ms.cast_signed());
    // Both are read from one clock, in one statement.
    assert!((lease - length).abs() < chrono::Duration::minutes(1), "{lease} instead of {length}");
    let token: Option<Uuid> = sqlx::query_scalar("select lease_token from queue.jobs where job_id = $1")
        .bind(id)
        .fetch_one(&app.pool)
        .await
        .expect("it runs");
    assert!(token.is_some());
}

#[tokio::test]
async fn a_job_whose_worker_vanished_is_taken_over() {
    let mut app = TestApp::start().await;
    let id = act(&app, Act::Succeed).await;
    abandon(&app, id, 0).await;
    app.start_worker();
    let done = reaches(&app, id, "completed").await;
    assert_eq!((done.attempt, done.failures, done.crashes), (2, 0, 1));
    let ended = attempts(&app, id).await;
    let outcomes: Vec<_> = ended.iter().map(|a| a.outcome.as_str()).collect();
    assert_eq!(outcomes, ["crashed", "completed"]);
    // The one that vanished never showed itself; the other's build is known.
    let builds: Vec<_> = ended.iter().map(|a| a.build.as_deref()).collect();
    assert_eq!(builds, [None, Some(env!("CARGO_PKG_VERSION"))]);
}

#[tokio::test]
async fn a_live_lease_is_left_alone() {
    let mut app = TestApp::start().await;
    let id = act(&app, Act::Succeed).await;
    abandon(&app, id, 0).await;
    sqlx::query("update queue.jobs set lease_expires_at = clock_timestamp() + interval '1 hour'")
        .execute(&app.pool)
        .await
        .expect("updated");
    app.start_worker();
    let other = act(&app, Act::Work { ms: 1000 }).await;
    reaches(&app, other, "completed").await;
    assert_eq!(job(&app, id).await.expect("it is there").state, "running");
}

#[tokio::test]
async fn a_job_that_lost_its_process_too_often_is_quarantined() {
    let mut app = TestApp::start().await;
    let id = act(&app, Act::Succeed).await;
    abandon(&app, id, app.config.queue.crash_budget - 1).await;
    app.start_worker();
    let job = reaches(&app, id, "quarantined").await;
    assert_eq!(job.crashes, app.config.queue.crash_budget);
    assert_eq!(attempts(&app, id).await.len(), 1);
}

#[tokio::test]
async fn more_lost_jobs_than_a_page_are_all_taken_back() {
    let mut app = TestApp::start().await;
    let jobs: Vec<_> = (0..450).map(|_| Exercise::default()).collect();
    let mut conn = app.pool.acquire().await.expect("a connection");
    jobs::queue::enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    sqlx::query(
        "update queue.jobs
            set state = 'running', attempt = 1, lease_token = gen_random_uuid(),
                worker_id = gen_random_uuid(), lease_expires_at = clock_timestamp() - interval '1 s'",
    )
    .execute(&app.pool)
    .await
    .expect("updated");
    app.start_worker();
    eventually("all are finished", LIMIT, async || {
        let done: i64 = sqlx::query_scalar("select count(*) from queue.finished where crashes = 1")
            .fetch_one(&app.pool)
            .await
            .expect("counted");
        if done == 450 { Ok(()) } else { Err(done) }
    })
    .await;
}

#[tokio::test]
async fn lost_jobs_come_back_spread_over_two_seconds_and_the_second_time_over_four() {
    let mut app = TestApp::start().await;
    for crashes in [0, 1] {
        for _ in 0..40 {
            let id = act(&app, Act::Succeed).await;
            abandon(&app, id, crashes).await;
        }
    }
    app.start_worker();
    let seen: Vec<(i32, i64, f64, f64)> = eventually("all are finished", LIMIT, async || {
        let seen: Vec<(i32, i64, f64, f64)> = sqlx::query_as(
            "select f.crashes, count(*), min(extract(epoch from f.run_at - a.ended_at))::float8,
                    max(extract(epoch from f.run_at - a.ended_at))::float8
               from queue.finished f
               join queue.attempts a using (job_id)
              where f.state = 'completed' and a.outcome = 'crashed'
              group by 1
              order by 1",
        )
        .fetch_all(&app.pool)
        .await
        .expect("read");
        if seen.iter().map(|(_, jobs, ..)| jobs).sum::<i64>() == 80 { Ok(seen) } else { Err(seen) }
    })
    .await;
    for ((crashes, _, least, most), longest) in seen.into_iter().zip([2.0, 4.0]) {
        assert!(most <= longest, "one waited {most} s after crash {crashes}");
        let middle = longest / 2.0;
        assert!(least < middle && most > middle, "between {least} and {most} s after crash {crashes}");
    }
}

#[test]
fn the_defaults_bring_a_lost_job_back_within_fifteen_seconds_and_the_second_time_within_seventeen() {
    let queue = Config::for_profile("production", false).expect("a profile of the tree").queue;
    for (spread, most) in [(2_000, 15_000), (4_000, 17_000)] {
        // Its lease, the next look at leases, its wait, and the poll of a worker that nobody woke.
        let longest = queue.lease_ms + queue.rescue_interval_ms + spread + queue.poll_interval_ms;
        assert!(longest <= most, "{longest} ms");
    }
    assert_eq!(queue.crash_budget, 3, "the third time it is quarantined");
}

#[tokio::test]
async fn a_healthy_attempt_keeps_its_job_for_longer_than_a_lease() {
    let app = TestApp::builder().workers(2).config(|config| config.queue.lease_ms = 3_000).start().await;
    let id = act(&app, Act::Work { ms: 10_000 }).await;
    let done = reaches(&app, id, "completed").await;
    assert_eq!((done.attempt, done.crashes), (1, 0));
}

/// Takes the job from the worker that runs its first attempt, as a rescue and another claim would;
/// returns whether that attempt was still running.
async fn steal(app: &TestApp, id: Uuid) -> bool {
    let stolen = sqlx::query(
        "update queue.jobs
            set attempt = attempt + 1, lease_token = gen_random_uuid(), worker_id = gen_random_uuid(),
                lease_expires_at = clock_timestamp() + interval '1 hour', progress = null
          where job_id = $1 and state = 'running' and attempt = 1",
    )
    .bind(id)
    .execute(&app.pool)
    .await
    .expect("updated");
    stolen.rows_affected() == 1
}

/// Returns an application whose worker was robbed of a job that does `act`.
async fn robbed(act: &Act) -> (TestApp, Uuid) {
    // A machine that stands still may let the attempt end first: then again, with more time.
    for deaf_ms in [600, 4_000, 25_000] {
        // The lease is long: only the fence can tell the attempt that it is stale.
        let app = TestApp::builder().workers(1).config(|config| config.queue.lease_ms = 60_000).start().await;
        let stale = Exercise { act: act.clone(), deaf_ms, ..Exercise::default() };
        let id = put(&app, stale, Enqueue::default()).await;
        eventually(format!("{act:?} is claimed"), LIMIT, async || {
            job(&app, id).await.is_some_and(|job| job.attempt >= 1)
        })
        .await;
        if steal(&app, id).await {
            return (app, id);
        }
    }
    panic!("no attempt of {act:?} could be robbed while it ran");
}

#[tokio::test]
async fn no_outcome_of_a_stale_attempt_is_written() {
    let acts = [
        Act::Succeed,
        Act::Fail { times: 9 },
        Act::Refuse,
        Act::Panic { times: 9 },
        Act::Snooze { times: 9, ms: 1 },
        Act::CompleteInside,
        Act::Work { ms: 200 },
        Act::Unsure,
        Act::Steps { of: 2, then_fail: 9 },
        Act::Log { lines: 3 },
    ];
    for act in acts {
        let (app, id) = robbed(&act).await;
        let counters = app.counters[0].clone();
        eventually(format!("a fenced write after {act:?}"), LIMIT, async || {
            counters.fenced_writes_total() >= 1
        })
        .await;
        let job = job(&app, id).await.expect("the new holder has it");
        assert_eq!((job.state.as_str(), job.attempt), ("running", 2), "{act:?}");
        assert_eq!((job.failures, job.progress, job.last_error), (0, None, None), "{act:?}");
        assert!(attempts(&app, id).await.is_empty(), "{act:?} left no trace");
        assert_eq!(counters.finished_total(), 0, "{act:?}");
        let beside: (i64, i64) =
            sqlx::query_as("select (select count(*) from queue.steps), (select count(*) from queue.logs)")
                .fetch_one(&app.pool)
                .await
                .expect("counted");
        assert_eq!(beside, (0, 0), "steps and log of {act:?}");
    }
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_is_told_to_stop() {
    let app = TestApp::builder().workers(1).start().await;
    let id = act(&app, Act::Work { ms: 20_000 }).await;
    reaches(&app, id, "running").await;
    assert!(steal(&app, id).await, "it runs for long");
    let counters = app.counters[0].clone();
    eventually("the handler has stopped", LIMIT, async || counters.fenced_writes_total() >= 1).await;
    assert_eq!(job(&app, id).await.expect("the new holder has it").attempt, 2);
}

#[tokio::test]
async fn a_stale_attempt_does_not_renew_the_lease_of_another() {
    let app = TestApp::builder().workers(1).config(|config| config.queue.lease_ms = 9_000).start().await;
    let deaf = Exercise { deaf_ms: 28_000, ..Exercise::default() };
    let id = put(&app, deaf, Enqueue::default()).await;
    reaches(&app, id, "running").await;
    assert!(steal(&app, id).await, "it is deaf for long");
    let lent = job(&app, id).await.expect("the new holder has it").lease_expires_at;
    // Its handler writes nothing all the while: only a renewal can find out.
    let counters = app.counters[0].clone();
    eventually("the renewal has found nothing", LIMIT, async || counters.lost_leases_total() >= 1).await;
    let held = job(&app, id).await.expect("the new holder has it");
    assert_eq!((held.state.as_str(), held.attempt), ("running", 2));
    assert_eq!(held.lease_expires_at, lent);
}
