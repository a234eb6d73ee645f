//! One effect a job, whatever is killed, stopped, frozen or left without an answer (C1).

use std::time::{Duration, Instant};

use jobs::kinds::ledger::{Ledger, Mistake};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use suites::{LedgerOptions, LedgerServer, TestDatabase};

use super::{
    fleet::{self, Fleet, LEASE, assert_once, enqueue_like, entry},
    server::{Server, Stop},
    tier::{rng, say, seed, sized},
};

/// Workers that are hit. One more is spared: who has not held its own leases for a while rescues
/// nobody else's, and these live too short for that.
const WORKERS: usize = 3;
/// How long a frozen one stays so.
const FROZEN: Duration = LEASE.saturating_mul(2);
/// The share of failing calls, as a bad day at a broker.
const FAULTS: f64 = 0.09;
const LIMIT: Duration = Duration::from_mins(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Kill,
    Freeze,
    Stop(Stop),
}

/// All blows of a run, in a random order.
fn blows(rng: &mut StdRng) -> Vec<Blow> {
    let (kills, freezes, stops) = sized((4, 1, 1), (50, 8, 5));
    let mut blows = vec![Blow::Kill; kills];
    blows.extend(vec![Blow::Freeze; freezes]);
    let ways = [Stop::Fast, Stop::Immediate];
    let first = rng.random_range(0..ways.len());
    blows.extend((0..stops).map(|i| Blow::Stop(ways[(first + i) % ways.len()])));
    blows.shuffle(rng);
    blows
}

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
        .with(WORKERS + 1)
        .await;

    let started = Instant::now();
    let blows = blows(&mut rng);
    let mut frozen: Vec<(usize, Instant)> = Vec::new();
    for (number, blow) in blows.iter().enumerate() {
        // Spread over the run: each blow waits for its share of the entries.
        let due = n * number / (blows.len() + 1);
        while ledger.len() < due {
            assert!(started.elapsed() < LIMIT, "{} of {n} entries after {LIMIT:?}", ledger.len());
            thaw(&fleet, &mut frozen, FROZEN);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let index = rng.random_range(0..WORKERS);
        match *blow {
            Blow::Kill => {
                frozen.retain(|(other, _)| *other != index);
                fleet.kill(index);
            }
            Blow::Freeze if frozen.iter().all(|(other, _)| *other != index) => {
                fleet.freeze(index);
                frozen.push((index, Instant::now()));
            }
            Blow::Freeze => {}
            Blow::Stop(how) => {
                server.stop(how).await;
                server.start_again().await;
            }
        }
    }
    while !frozen.is_empty() {
        thaw(&fleet, &mut frozen, FROZEN);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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

/// Lets those go on that have been frozen for long enough.
fn thaw(fleet: &Fleet, frozen: &mut Vec<(usize, Instant)>, after: Duration) {
    frozen.retain(|(index, since)| {
        let due = since.elapsed() >= after;
        if due {
            fleet.thaw(*index);
        }
        !due
    });
}

/// Runs a few jobs that make `mistake` and returns how many entries were made twice.
async fn twice(mistake: Option<Mistake>, options: LedgerOptions, crash: bool) -> usize {
    let database = TestDatabase::create().await;
    let ledger = LedgerServer::start(options).await;
    let like = Ledger { mistake, ..entry(&ledger) };
    let entries = enqueue_like(&database.pool, &like, 30).await;
    if crash {
        let mut doomed =
            Fleet::new(database.url(), "ledger=5").env("CAPSTAN_FAILPOINT", "after_act:4").with(1).await;
        doomed.workers[0].ended(fleet::STARTED).await;
    }
    let _fleet = Fleet::new(database.url(), "ledger=10").with(1).await;
    fleet::drained(&database.pool, "ledger", Duration::from_secs(30)).await;
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
