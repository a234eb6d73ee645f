//! A crash at each place where one could hurt (C14).

use std::{os::unix::process::ExitStatusExt, time::Duration};

use nix::sys::signal::Signal;
use rand::Rng;
use suites::{LedgerOptions, LedgerServer, TestDatabase};

use super::{
    fleet::{self, Fleet, STARTED, assert_once, enqueue_like, entry},
    tier::{rng, say, seed, sized},
};

/// Places, and the most passages that a batch of jobs makes sure of.
const PLACES: [(&str, u32); 6] = [
    ("after_claim", 1),
    ("after_act", 6),
    ("before_commit", 3),
    ("after_commit", 3),
    ("before_flush", 2),
    ("during_flush", 1),
];
const BATCH: usize = 12;
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_made_once_wherever_the_process_crashes() {
    if !cfg!(debug_assertions) {
        say("NOT RUN: crashes at failpoints (a release build has none)");
        return;
    }
    let name = "crash points";
    let mut rng = rng(name);
    let database = TestDatabase::create().await;
    let options = LedgerOptions { seed: seed(name), faults: 0.05, ..LedgerOptions::default() };
    let ledger = LedgerServer::start(options).await;
    let mut entries = Vec::new();
    let rounds = sized(1, 20);
    for round in 0..rounds {
        for (place, most) in PLACES {
            let batch = enqueue_like(&database.pool, &entry(&ledger), BATCH).await;
            entries.extend(batch);
            let nth = rng.random_range(1..=most);
            let mut doomed = Fleet::new(database.url(), "ledger=4")
                .env("CAPSTAN__QUEUE__CRASH_BUDGET", "1000")
                .env("CAPSTAN_FAILPOINT", &format!("{place}:{nth}"));
            doomed.start_one();
            let status = doomed.workers[0].ended(STARTED).await;
            let signal = Some(Signal::SIGABRT as i32);
            assert_eq!(status.signal(), signal, "{place}:{nth} in round {round} ended it: {status}");
        }
    }
    let _survivor =
        Fleet::new(database.url(), "ledger=10").env("CAPSTAN__QUEUE__CRASH_BUDGET", "1000").with(1).await;
    fleet::drained(&database.pool, "ledger", LIMIT).await;
    assert_once(&database.pool, &ledger, &entries).await;
    let ends = fleet::ends(&database.pool, "ledger").await.expect("the database answers");
    say(&format!(
        "{} crashes at {} places: {} entries, {} crashed attempts",
        rounds * PLACES.len(),
        PLACES.len(),
        entries.len(),
        ends.crashes
    ));
}
