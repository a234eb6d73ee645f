//! A crash at each place on the way of an order where one could hurt (C14).

use std::{os::unix::process::ExitStatusExt, time::Duration};

use nix::sys::signal::Signal;
use rand::Rng;
use suites::TestDatabase;

use super::{
    super::{
        fleet::STARTED,
        tier::{rng, say, seed, sized},
    },
    desk::Desk,
    everything::bad_day,
};

const PLACES: [&str; 5] =
    ["before_submitting", "after_submitting", "before_post", "after_post", "before_record"];
/// Orders for each crash: more than pass before it.
const BATCH: usize = 10;
const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_at_the_exchange_once_wherever_the_process_crashes() {
    if !cfg!(debug_assertions) {
        say("NOT RUN: crashes at failpoints (a release build has none)");
        return;
    }
    let name = "order crash points";
    let mut rng = rng(name);
    let database = TestDatabase::create().await;
    let mut desk = Desk::open(database.url(), &database.pool, seed(name)).await;
    desk.sandbox.set_faults(bad_day()).await;
    // Rescues what the others leave, and sends nothing.
    let _rescuer = super::super::fleet::Fleet::new(database.url(), "ledger=1").with(1).await;
    let rounds = sized(1, 20);
    for round in 0..rounds {
        for place in PLACES {
            desk.place(BATCH, &mut rng).await;
            let nth = rng.random_range(1..=3);
            let mut doomed = desk.fleet(2).env("CAPSTAN_FAILPOINT", &format!("submit_order.{place}:{nth}"));
            doomed.start_one();
            let status = doomed.workers[0].ended(STARTED).await;
            let signal = Some(Signal::SIGABRT as i32);
            assert_eq!(status.signal(), signal, "{place}:{nth} in round {round} ended it: {status}");
        }
    }
    let _survivors = desk.fleet(8).with(2).await;
    desk.sends_all(LIMIT).await;
    let ledger = desk.comes_out_right().await;
    let (_, _, failures, crashes) = desk.jobs().await;
    say(&format!(
        "{} crashes at {} places: {} orders, {} posts, {} of them again, {crashes} crashed attempts, \
         {failures} failures",
        rounds * PLACES.len(),
        PLACES.len(),
        desk.placed(),
        ledger.posts,
        ledger.duplicates,
    ));
    assert!(crashes > 0, "no attempt crashed: the drill proves nothing");
}
