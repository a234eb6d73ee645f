//! Workers whose clocks are wrong: leases are the database's matter (C8).

use std::{fs, path::PathBuf, time::Duration};

use jobs::kinds::ledger::{Ledger, Pause, Place};
use suites::{LedgerOptions, LedgerServer, TestDatabase, eventually};

use super::{
    fleet::{self, Fleet, assert_once, enqueue_like, entry},
    tier::say,
};

const LIMIT: Duration = Duration::from_mins(1);
/// Twice what the test profile has: on a busy machine a worker may be late with a renewal.
const LEASE_MS: i32 = 4000;

/// Returns the library that shifts a process's clock, when this machine has it.
fn faketime() -> Option<PathBuf> {
    let homes = ["/usr/lib", "/usr/local/lib", "/usr/lib64"].map(PathBuf::from);
    let mut folders: Vec<PathBuf> = homes.to_vec();
    for home in homes {
        let entries = fs::read_dir(home).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    folders.into_iter().map(|folder| folder.join("faketime/libfaketime.so.1")).find(|path| path.exists())
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_hold_and_expire_though_the_workers_clocks_are_ten_minutes_off() {
    let Some(library) = faketime() else {
        say("NOT RUN: workers with wrong clocks (install the package faketime)");
        return;
    };
    let database = TestDatabase::create().await;
    let ledger = LedgerServer::start(LedgerOptions::default()).await;
    let off = |by: &str| {
        Fleet::new(database.url(), "ledger=3")
            .env("CAPSTAN__QUEUE__LEASE_MS", &LEASE_MS.to_string())
            .env("LD_PRELOAD", &library.display().to_string())
            .env("FAKETIME", by)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
    };
    let (mut fast, slow) = (off("+10m").with(1).await, off("-10m").with(1).await);
    let right = Fleet::new(database.url(), "ledger=3")
        .env("CAPSTAN__QUEUE__LEASE_MS", &LEASE_MS.to_string())
        .with(1)
        .await;

    // Longer than a lease: a renewal that went by the wrong clock would lose it, or keep it for ever.
    let pause = Some(Pause { place: Place::BeforeRecord, ms: 6000, attempts: 1 });
    let mut entries = enqueue_like(&database.pool, &Ledger { pause, ..entry(&ledger) }, 9).await;
    fleet::drained(&database.pool, "ledger", LIMIT).await;
    let ends = fleet::ends(&database.pool, "ledger").await.expect("the database answers");
    assert_eq!((ends.completed, ends.failures, ends.crashes), (9, 0, 0), "{ends:?}");
    assert_eq!(fast.fenced() + slow.fenced() + right.fenced(), 0);

    // And the leases of one that is killed expire when they should.
    let more = enqueue_like(&database.pool, &Ledger { pause, ..entry(&ledger) }, 9).await;
    entries.extend(more);
    eventually(
        "all are in hand",
        LIMIT,
        async || {
            if ledger.len() == 18 { Ok(()) } else { Err(ledger.len()) }
        },
    )
    .await;
    fast.workers[0].kill();
    // A lease that went by the wrong clock would be there for ten minutes more.
    fleet::drained(&database.pool, "ledger", LIMIT).await;
    assert_once(&database.pool, &ledger, &entries).await;
    say("clocks off by +10 and -10 minutes: no lease lost, those of a killed worker expired in time");
}

#[test]
fn the_queue_asks_no_clock_of_its_own_node_for_the_time() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../jobs/src/queue");
    let mut folders = vec![folder];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the queue's sources are there") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                // What `inspect` tells people decides nothing.
                if !path.ends_with("inspect") {
                    folders.push(path);
                }
                continue;
            }
            let text = fs::read_to_string(&path).expect("readable text");
            for forbidden in ["SystemTime::now", "Utc::now", "Local::now"] {
                assert!(!text.contains(forbidden), "{} uses {forbidden}", path.display());
            }
            files += 1;
        }
    }
    assert!(files > 10, "only {files} files were looked at");
}
