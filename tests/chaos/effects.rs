//! One effect a job, whatever is killed, stopped, frozen or left without an answer (C1).

use std::time::{Duration, Instant};

use jobs::kinds::ledger::{Ledger, Mistake};
use suites::{LedgerOptions, LedgerServer, TestDatabase};

use super::{
    blows::{Blows, WORKERS, Work},
    fleet::{self, Fleet, assert_once, enqueue_like, entry},
    server::Server,
    tier::{rng, say, seed, sized},
};

/// The share of failing calls, as a bad day at a broker.
const FAULTS: f64 = 0.09;
const LIMIT: Duration = Duration::from_mins(6);

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_made_once_though_everything_fails() {
    let name = "effects";
    let mut rng = rng(name);
    let (n, slots, takes) = sized((150, 3, 100), (10_000, 20, 10));
    let mut server = Server::start().await;
    let options = LedgerOptions {
        seed: seed(name),
        faults: FAULTS,
        takes: Duration::from_millis(takes),
        ..LedgerOptions::default()
    };
    let ledger = LedgerServer::start(options).await;
    let pool = server.pool();
    let entries = enqueue_like(&pool, &entry(&ledger), n).await;
    // The blows hit the same few jobs again and again; that is the drill's doing, not theirs.
    let mut fleet = Fleet::new(&server.url(), &format!("ledger={slots}"))
        .env("CAPSTAN__QUEUE__CRASH_BUDGET", "1000")
        .with(WORKERS)
        .await;

    let started = Instant::now();
    let blows = Blows::draw(4, &mut rng);
    let work = Work {
        what: "entries",
        total: n,
        done: async || Some(ledger.len()),
        every: Duration::from_millis(5),
        limit: LIMIT,
    };
    blows.fall(&mut fleet, &mut server, &mut rng, work).await;
    fleet::drained(&pool, "ledger", LIMIT.saturating_sub(started.elapsed())).await;
    let took = started.elapsed();
    assert_once(&pool, &ledger, &entries).await;

    let ends = fleet::ends(&pool, "ledger").await.expect("the database answers");
    let (posts, faults) = ledger.calls();
    say(&format!(
        "{n} entries in {took:.1?} under {} blows: {posts} posts, {faults} failed calls, {} crashed \
         attempts, {} failures, {} late writes refused",
        blows.len(),
        ends.crashes,
        ends.failures,
        fleet.fenced(),
    ));
    assert!(faults > 0 && ends.crashes > 0, "nothing was hit: the drill proves nothing");
    let least = sized(0, 5);
    assert!(fleet.fenced() >= least, "only {} late writes: the fence was not tried", fleet.fenced());
}

/// Runs a few jobs that make `mistake` and returns how many entries were made twice.
async fn twice(mistake: Option<Mistake>, options: LedgerOptions, crash: bool) -> usize {
    let database = TestDatabase::create().await;
    let ledger = LedgerServer::start(options).await;
    let like = Ledger { mistake, ..entry(&ledger) };
    // So many that some lose their answer, whatever the seed.
    let entries = enqueue_like(&database.pool, &like, 60).await;
    if crash {
        let mut doomed =
            Fleet::new(database.url(), "ledger=5").env("CAPSTAN_FAILPOINT", "after_act:4").with(1).await;
        doomed.workers[0].ended(fleet::STARTED).await;
    }
    let _fleet = Fleet::new(database.url(), "ledger=10").with(1).await;
    fleet::drained(&database.pool, "ledger", Duration::from_mins(2)).await;
    let verdict = ledger.verdict(&entries);
    assert!(verdict.lost.is_empty() && verdict.foreign.is_empty(), "{verdict:?}");
    verdict.twice.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_its_own_for_every_attempt_would_enter_twice() {
    let options = LedgerOptions { seed: seed("new ids"), ..LedgerOptions::default() };
    assert_eq!(twice(None, options, true).await, 0);
    let seen = twice(Some(Mistake::NewIds), options, true).await;
    assert!(seen >= 1, "the check above would not notice ids that change");
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_again_without_a_look_would_enter_twice() {
    // Of a ledger that takes the same id twice only the look protects.
    let options =
        LedgerOptions { seed: seed("no look"), faults: 0.4, dedups: false, ..LedgerOptions::default() };
    let (careful, careless) =
        tokio::join!(twice(None, options, false), twice(Some(Mistake::NoLook), options, false));
    assert_eq!(careful, 0);
    assert!(careless >= 1, "the check above would not notice a second try");
}
