//! One order each at the exchange, whatever is killed, stopped, frozen or left without an answer (C1).

use std::time::{Duration, Instant};

use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

use super::{
    super::{
        fleet::{Fleet, LEASE},
        server::{Server, Stop},
        tier::{rng, say, seed, sized},
    },
    desk::Desk,
};

/// Workers that are hit. One more is spared: who has not held its own leases for a while rescues
/// nobody else's, and these live too short for that.
const WORKERS: usize = 3;
/// As many orders under way at once in one process.
const SLOTS: usize = 16;
const FROZEN: Duration = LEASE.saturating_mul(2);
/// From the first worker that serves to the last order that is sent.
const LIMIT: Duration = Duration::from_mins(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Kill,
    Freeze,
    Stop(Stop),
}

/// All blows of a run, in a random order.
fn blows(rng: &mut StdRng) -> Vec<Blow> {
    let (kills, freezes, stops) = sized((8, 1, 1), (50, 8, 5));
    let mut blows = vec![Blow::Kill; kills];
    blows.extend(vec![Blow::Freeze; freezes]);
    let ways = [Stop::Fast, Stop::Immediate];
    let first = rng.random_range(0..ways.len());
    blows.extend((0..stops).map(|i| Blow::Stop(ways[(first + i) % ways.len()])));
    blows.shuffle(rng);
    blows
}

/// Of all calls 9 % fail: half of these after they were processed.
pub(super) fn bad_day() -> Value {
    let fault = |rate: f64, kind: Value| {
        let mut fault = json!({ "route": "/v2/*", "rate": rate });
        if let (Some(fault), Value::Object(kind)) = (fault.as_object_mut(), kind) {
            fault.extend(kind);
        }
        fault
    };
    json!([
        fault(0.015, json!({ "kind": "reset_before" })),
        fault(0.015, json!({ "kind": "status", "code": 503 })),
        fault(0.015, json!({ "kind": "status", "code": 500 })),
        fault(0.02, json!({ "kind": "reset_after" })),
        fault(0.015, json!({ "kind": "status", "code": 502, "after": true })),
        fault(0.005, json!({ "kind": "cut_body" })),
        fault(0.005, json!({ "kind": "lost_answer" })),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_at_the_exchange_once_though_everything_fails() {
    let name = "orders";
    let mut rng = rng(name);
    let (by_hand, n) = sized((20, 150), (50, 10_000));
    let mut server = Server::start().await;
    let pool = server.pool();
    let mut desk = Desk::open(&server.url(), &pool, seed(name)).await;
    let counter = desk.counter().await;
    desk.ask(&counter, by_hand, &mut rng).await;
    desk.place(n - by_hand, &mut rng).await;
    drop(counter);
    desk.sandbox.set_faults(bad_day()).await;

    let mut fleet = desk.fleet(SLOTS).with(WORKERS + 1).await;
    let started = Instant::now();
    let blows = blows(&mut rng);
    let mut frozen: Vec<(usize, Instant)> = Vec::new();
    for (number, blow) in blows.iter().enumerate() {
        // Spread over the run: each blow waits for its share of the orders.
        let due = n * number / (blows.len() + 1);
        while desk.sent().await.is_none_or(|sent| sent < due) {
            assert!(started.elapsed() < LIMIT, "{:?} of {n} orders after {LIMIT:?}", desk.sent().await);
            thaw(&fleet, &mut frozen);
            tokio::time::sleep(Duration::from_millis(20)).await;
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
        thaw(&fleet, &mut frozen);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.sends_all(LIMIT.saturating_sub(started.elapsed())).await;
    let took = started.elapsed();
    let faults = desk.sandbox.faults_met().await;
    let ledger = desk.comes_out_right().await;
    let agreed = started.elapsed();

    let (rows, completed, failures, crashes) = desk.jobs().await;
    say(&format!(
        "{n} orders sent in {took:.1?}, books equal after {agreed:.1?}, under {} blows: {} posts, {} of them \
         again, {faults} failed calls, {crashes} crashed attempts, {failures} failures, {} late writes refused",
        blows.len(),
        ledger.posts,
        ledger.duplicates,
        fleet.fenced(),
    ));
    let all = i64::try_from(n).expect("a small number");
    assert_eq!((rows, completed), (all, all), "every job finished once, and well");
    assert!(faults > 0, "no call was hit: the drill proves nothing");
    // A few kills may all meet workers that hold nothing; the crash points hit every place for sure.
    assert!(crashes >= sized(0, 1), "no attempt crashed: the drill proves nothing");
    let least = sized(0, 5);
    assert!(fleet.fenced() >= least, "only {} late writes: the fence was not tried", fleet.fenced());
}

/// Lets those go on that have been frozen for long enough.
fn thaw(fleet: &Fleet, frozen: &mut Vec<(usize, Instant)>) {
    frozen.retain(|(index, since)| {
        let due = since.elapsed() >= FROZEN;
        if due {
            fleet.thaw(*index);
        }
        !due
    });
}
