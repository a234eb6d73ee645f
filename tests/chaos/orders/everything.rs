//! One order each at the exchange, whatever is killed, stopped, frozen or left without an answer (C1).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    super::{
        blows::{Blows, WORKERS, Work},
        server::Server,
        tier::{rng, say, seed, sized},
    },
    desk::Desk,
};

/// As many orders under way at once in one process.
const SLOTS: usize = 16;
/// From the first worker that serves to the last order that is sent.
const LIMIT: Duration = Duration::from_mins(6);

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

    let mut fleet = desk.fleet(SLOTS).with(WORKERS).await;
    let started = Instant::now();
    let blows = Blows::draw(8, &mut rng);
    let work = Work {
        what: "orders",
        total: n,
        done: async || desk.sent().await,
        every: Duration::from_millis(20),
        limit: LIMIT,
    };
    blows.fall(&mut fleet, &mut server, &mut rng, work).await;
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
