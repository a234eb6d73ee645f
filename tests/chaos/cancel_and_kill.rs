//! Cancellations that race with the death of the worker (C12).

use std::time::{Duration, Instant};

use jobs::{
    cancel,
    kinds::ledger::{Ledger, Mistake, Pause, Place},
    queue::CancelOutcome,
};
use rand::Rng;
use suites::{LedgerOptions, LedgerServer, TestDatabase, eventually};
use uuid::Uuid;

use super::{
    fleet::{self, Fleet, entry},
    tier::{rng, sized},
};

const LIMIT: Duration = Duration::from_mins(1);
const TERMINAL: Duration = Duration::from_secs(40);
const JOBS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_cancelled_while_its_worker_dies_ends_soon_and_never_runs_again() {
    let mut rng = rng("cancel and kill");
    let database = TestDatabase::create().await;
    let ledger = LedgerServer::start(LedgerOptions::default()).await;
    let mut fleet = Fleet::new(database.url(), "ledger=8").with(1).await;
    let mut entries = Vec::new();
    // An attempt that runs posts, whatever an earlier one did: so the ledger tells.
    let mistake = Some(Mistake::NoLook);
    for round in 1..=sized(2, 20) {
        // They would run again if anybody let them: only the first attempt pauses.
        let pause = Some(Pause { place: Place::BeforeRecord, ms: 60_000, attempts: 1 });
        let mut jobs: Vec<Uuid> = Vec::new();
        for _ in 0..JOBS {
            let job = Ledger { pause, mistake, ..entry(&ledger) };
            entries.push(job.entry_id);
            jobs.push(fleet::put(&database.pool, &job).await);
        }
        eventually("all are running", LIMIT, async || {
            if ledger.len() == round * JOBS { Ok(()) } else { Err(ledger.len()) }
        })
        .await;
        let started = Instant::now();
        let cancels = jobs.iter().map(|id| (*id, Duration::from_millis(rng.random_range(0..40))));
        let cancels: Vec<_> = cancels
            .map(|(id, after)| {
                let pool = database.pool.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let mut conn = pool.acquire().await.expect("a connection");
                    cancel(&mut conn, id, "changed my mind").await.expect("the database answers")
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
        fleet.kill(0);
        for cancel in cancels {
            let outcome = cancel.await.expect("cancelling does not panic");
            assert_eq!(outcome, CancelOutcome::Requested, "it was running, as far as anybody knew");
        }
        fleet::drained(&database.pool, "ledger", TERMINAL.saturating_sub(started.elapsed())).await;
        fleet.serves().await;
    }
    let n = i64::try_from(entries.len()).expect("a small number");
    let (rows, cancelled): (i64, i64) =
        sqlx::query_as("select count(*), count(*) filter (where state = 'cancelled') from queue.finished")
            .fetch_one(&database.pool)
            .await
            .expect("the database answers");
    assert_eq!((rows, cancelled), (n, n));
    let again: Vec<_> = entries.iter().filter(|id| ledger.posts(**id) != 1).collect();
    assert!(again.is_empty(), "{} handlers ran again", again.len());
}

/// The same, but nobody cancels: then they do run again, and the check above would see it.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_cancellation_such_jobs_run_again() {
    let database = TestDatabase::create().await;
    let ledger = LedgerServer::start(LedgerOptions::default()).await;
    let mut fleet = Fleet::new(database.url(), "ledger=8").with(1).await;
    let pause = Some(Pause { place: Place::BeforeRecord, ms: 60_000, attempts: 1 });
    let job = Ledger { pause, mistake: Some(Mistake::NoLook), ..entry(&ledger) };
    fleet::put(&database.pool, &job).await;
    eventually("it is running", LIMIT, async || !ledger.is_empty()).await;
    fleet.kill(0);
    fleet::drained(&database.pool, "ledger", LIMIT).await;
    assert_eq!(ledger.posts(job.entry_id), 2);
}
