//! A job that kills its process, beside jobs that do not (C10).

use std::time::{Duration, Instant};

use jobs::kinds::exercise::{Act, Exercise};
use suites::{LedgerOptions, LedgerServer, TestDatabase};
use tokio::time::sleep;

use super::{
    fleet::{self, Fleet, assert_once, enqueue_like, entry},
    tier::{say, sized},
};

const LIMIT: Duration = Duration::from_mins(3);
const QUEUES: &str = "default=4,ledger=8";

/// Runs `n` ledger jobs, beside a job that crashes if asked for; returns how long they took and
/// how many processes were lost.
async fn run(n: usize, crash: bool) -> (Duration, usize) {
    let database = TestDatabase::create().await;
    let options = LedgerOptions { takes: Duration::from_millis(400), ..LedgerOptions::default() };
    let ledger = LedgerServer::start(options).await;
    let mut fleet = Fleet::new(database.url(), QUEUES).with(2).await;
    let started = Instant::now();
    let entries = enqueue_like(&database.pool, &entry(&ledger), n).await;
    // Late enough that others run beside it.
    let crashing = Exercise { act: Act::Crash, deaf_ms: 200, unique: None };
    let doomed = if crash { Some(fleet::put(&database.pool, &crashing).await) } else { None };
    let (mut lost, mut took) = (0, None);
    loop {
        lost += fleet.replace_dead();
        let ends = fleet::ends(&database.pool, "ledger").await.expect("the database answers");
        if ends.unfinished == 0 && took.is_none() {
            took = Some(started.elapsed());
        }
        let over: bool = sqlx::query_scalar(
            "select not exists (select from queue.jobs where job_id = $1 and state <> 'quarantined')",
        )
        .bind(doomed)
        .fetch_one(&database.pool)
        .await
        .expect("the database answers");
        if let Some(took) = took.filter(|_| over) {
            assert_once(&database.pool, &ledger, &entries).await;
            if doomed.is_some() {
                let crashes: i32 = sqlx::query_scalar(
                    "select crashes from queue.jobs where job_id = $1 and state = 'quarantined'",
                )
                .bind(doomed)
                .fetch_one(&database.pool)
                .await
                .expect("it is quarantined");
                assert_eq!(crashes, 3, "its budget");
            }
            let ends = fleet::ends(&database.pool, "ledger").await.expect("the database answers");
            say(&format!("{lost} processes lost, {} attempts of bystanders with them", ends.crashes));
            return (took, lost);
        }
        assert!(started.elapsed() < LIMIT, "{lost} processes lost: {ends:?}; quarantined: {over}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_process_is_quarantined_and_another_queue_goes_on() {
    let n = sized(300, 1500);
    let (took, lost) = run(n, true).await;
    assert_eq!(lost, 3, "a process for each crash of the budget");
    let undisturbed = if sized(false, true) { Some(run(n, false).await.0) } else { None };
    say(&format!("{n} jobs beside a crashing one: {took:.1?}, undisturbed {undisturbed:.1?}"));
    if let Some(undisturbed) = undisturbed {
        let share = undisturbed.as_secs_f64() / took.as_secs_f64();
        assert!(share >= 0.8, "only {share:.2} of the undisturbed throughput");
    }
}
