//! A worker asked to stop in the middle of a hundred jobs (C11).

use std::time::{Duration, Instant};

use jobs::kinds::ledger::{Ledger, Pause, Place};
use nix::sys::signal::Signal;
use suites::{LedgerOptions, LedgerServer, TestDatabase, eventually};

use super::{
    fleet::{self, Fleet, assert_once, enqueue_like, entry},
    tier::{say, sized},
};

const LIMIT: Duration = Duration::from_mins(1);
const GRACE: Duration = Duration::from_secs(3);
/// Beyond the grace: giving back, committing, and leaving.
const MARGIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_among_a_hundred_jobs_fails_none_and_loses_none() {
    for _ in 0..sized(1, 10) {
        let database = TestDatabase::create().await;
        let options = LedgerOptions { takes: Duration::from_millis(60), ..LedgerOptions::default() };
        let ledger = LedgerServer::start(options).await;
        let mut fleet = Fleet::new(database.url(), "ledger=10")
            .env("CAPSTAN__WORKER__GRACE_MS", &GRACE.as_millis().to_string())
            .with(1)
            .await;
        let pause = Some(Pause { place: Place::BeforeRecord, ms: 400, attempts: 100 });
        let entries = enqueue_like(&database.pool, &Ledger { pause, ..entry(&ledger) }, 100).await;
        eventually("it is in the middle of them", LIMIT, async || ledger.len() >= 15).await;

        let asked = Instant::now();
        let worker = &mut fleet.workers[0];
        worker.signal(Signal::SIGTERM);
        let status = worker.ended(GRACE + MARGIN).await;
        let took = asked.elapsed();
        assert!(status.success(), "a stop is no failure: {status}; {}", worker.log());
        let ends = fleet::ends(&database.pool, "ledger").await.expect("the database answers");
        assert!((15..100).contains(&ends.completed), "not in the middle: {ends:?}");
        let running: i64 = sqlx::query_scalar("select count(*) from queue.jobs where state = 'running'")
            .fetch_one(&database.pool)
            .await
            .expect("the database answers");
        assert_eq!(running, 0, "what it could not finish it gave back");

        let done = ends.completed;
        assert_eq!(fleet.replace_dead(), 1);
        fleet::drained(&database.pool, "ledger", LIMIT).await;
        assert_once(&database.pool, &ledger, &entries).await;
        let ends = fleet::ends(&database.pool, "ledger").await.expect("the database answers");
        assert_eq!((ends.failures, ends.crashes), (0, 0), "a stop is neither failure nor crash");
        say(&format!("SIGTERM with {done} of 100 done: left after {took:.1?}, no failure counted"));
    }
}
