//! Workers cut off from the database, by a network that fails in different ways (C4).

use std::time::{Duration, Instant};

use jobs::kinds::ledger::{Ledger, Pause, Place, Record};
use suites::{LedgerOptions, LedgerServer, Network, Proxy, TestDatabase, eventually};
use uuid::Uuid;
use worker::postgres::testing;

use super::{
    fleet::{self, Fleet, LEASE, assert_once, entry},
    tier::{say, sized},
};

const LIMIT: Duration = Duration::from_mins(1);
/// The promised longest time until another leads, and what a busy machine may add.
const TAKE_OVER: Duration = Duration::from_secs(7);
const SLACK: Duration = Duration::from_secs(5);
const WAYS: [Network; 3] = [Network::Blackhole, Network::Resets, Network::HalfOpen];

/// A worker whose way to the database is a proxy.
struct Remote {
    proxy: Proxy,
    fleet: Fleet,
}

impl Remote {
    async fn start(database: &TestDatabase) -> Self {
        let server = tokio::task::spawn_blocking(testing::shared_cluster).await;
        let server = server.expect("no panic").expect("the shared server runs");
        let proxy = Proxy::start(&server.socket_dir().join(".s.PGSQL.5432")).await;
        let path = database.url().split('?').next().expect("a URL has a beginning").to_owned();
        let name = path.rsplit('/').next().expect("a URL names its database").to_owned();
        let url = format!("postgres://capstan@{}/{name}?sslmode=disable", proxy.address());
        let fleet = Fleet::new(&url, "ledger=1").with(1).await;
        Self { proxy, fleet }
    }
}

async fn scheduler(database: &TestDatabase) -> Option<(i64, i32)> {
    sqlx::query_as(
        "select l.term, w.pid
           from queue.leadership l
           join queue.workers w on w.worker_id = l.holder
          where l.role = 'scheduler'",
    )
    .fetch_optional(&database.pool)
    .await
    .expect("the database answers")
}

/// Cuts the workers of one job each off in every way, and waits until another has done the jobs.
async fn taken_over(database: &TestDatabase, place: Place) {
    let ledger = LedgerServer::start(LedgerOptions::default()).await;
    let mut remotes = Vec::new();
    for _ in WAYS {
        remotes.push(Remote::start(database).await);
    }
    let pause = Pause { place, ms: 5000, attempts: 1 };
    let mut entries: Vec<Uuid> = Vec::new();
    for _ in WAYS {
        let job = Ledger { pause: Some(pause), record: Record::Inside, ..entry(&ledger) };
        entries.push(job.entry_id);
        fleet::put(&database.pool, &job).await;
    }
    eventually("each worker is in the middle of one", LIMIT, async || {
        if ledger.len() == WAYS.len() { Ok(()) } else { Err(ledger.len()) }
    })
    .await;
    let cut = Instant::now();
    for (remote, way) in remotes.iter().zip(WAYS) {
        remote.proxy.set(way);
    }
    let fleet = Fleet::new(database.url(), "ledger=5").with(1).await;
    fleet::drained(&database.pool, "ledger", LIMIT.saturating_sub(cut.elapsed())).await;
    let took = cut.elapsed();
    let long_enough = sized(LEASE * 5 / 2, Duration::from_secs(30));
    tokio::time::sleep(long_enough.saturating_sub(took)).await;

    for remote in &remotes {
        remote.proxy.set(Network::Passes);
    }
    for remote in &mut remotes {
        // It lost the lease while its handler ran, or its handler had failed with the connection
        // and only the outcome was still on its way.
        let worker = &remote.fleet.workers[0];
        eventually("the cut-off worker knows that its attempt is over", LIMIT, async || {
            let log = worker.log();
            log.contains("the lease of job") || log.contains("failed 1 times")
        })
        .await;
    }
    // They work again, and what they had in hand counts no more.
    drop(fleet);
    for _ in 0..6 {
        let job = entry(&ledger);
        entries.push(job.entry_id);
        fleet::put(&database.pool, &job).await;
    }
    fleet::drained(&database.pool, "ledger", LIMIT).await;
    assert_once(&database.pool, &ledger, &entries).await;
    // A later job may have needed a second attempt as well: a claim whose answer was lost.
    let again: i64 = sqlx::query_scalar(
        "select count(*) from queue.finished where attempt >= 2 and (payload ->> 'entry_id')::uuid = any($1)",
    )
    .bind(&entries[..WAYS.len()])
    .fetch_one(&database.pool)
    .await
    .expect("the database answers");
    assert_eq!(again, 3, "each cut-off job was finished by a later attempt");
    say(&format!("cut off {place:?} ({WAYS:?}): all taken over and done {took:.1?} after the cut"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_workers_that_are_cut_off_are_done_once_by_another() {
    taken_over(&TestDatabase::create().await, Place::BeforeRecord).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn even_a_job_whose_row_the_cut_off_worker_has_locked_is_taken_over() {
    taken_over(&TestDatabase::create().await, Place::InTransaction).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_stands_down_and_another_leads() {
    for way in WAYS {
        let database = TestDatabase::create().await;
        let remote = Remote::start(&database).await;
        let (term, pid) = eventually("the only one leads", LIMIT, async || scheduler(&database).await).await;
        assert_eq!(u32::try_from(pid), Ok(remote.fleet.workers[0].id()));
        let _near = Fleet::new(database.url(), "ledger=1").with(1).await;
        let cut = Instant::now();
        remote.proxy.set(way);
        let (next, successor) = eventually(format!("the other leads after {way:?}"), LIMIT, async || {
            scheduler(&database).await.filter(|(number, _)| *number > term)
        })
        .await;
        let took = cut.elapsed();
        assert!(next == term + 1 && successor != pid, "{way:?}");
        assert!(took < TAKE_OVER + SLACK, "{took:?} after {way:?}");
        // It knows by itself, nobody having told it.
        let worker = &remote.fleet.workers[0];
        eventually(format!("the former leader knows, after {way:?}"), LIMIT, async || {
            worker.log().contains("no longer leading scheduler")
        })
        .await;
        say(&format!("cut off a leader ({way:?}): another led after {took:.1?}"));
    }
}
