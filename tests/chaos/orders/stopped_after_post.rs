//! A worker stopped between its POST and its record, for longer than its lease (C2).

use std::time::Duration;

use suites::{TestDatabase, eventually};

use super::{
    super::{
        fleet::{LEASE, STARTED},
        tier::{rng, say, seed, sized},
    },
    desk::Desk,
};

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_stopped_after_its_post_writes_late_is_refused() {
    if !cfg!(debug_assertions) {
        say("NOT RUN: a stop at a failpoint (a release build has none)");
        return;
    }
    let name = "stopped after post";
    let mut rng = rng(name);
    for round in 0..sized(1, 10) {
        let database = TestDatabase::create().await;
        let mut desk = Desk::open(database.url(), &database.pool, seed(name)).await;
        desk.place(10, &mut rng).await;
        let mut fleet = desk.fleet(8).env("CAPSTAN_FAILPOINT", "submit_order.after_post:3:stop");
        fleet.start_one();
        let pid = fleet.workers[0].id();
        eventually("the worker stops itself", STARTED, async || is_stopped(pid)).await;
        let stopped = tokio::time::Instant::now();
        let before = desk.sandbox.ledger().await;
        assert!(before.accepted >= 3, "round {round}: it had posted: {before:?}");

        let others = desk.fleet(8).with(1).await;
        desk.sends_all(LIMIT).await;
        tokio::time::sleep_until(stopped + LEASE * 3 / 2).await;
        fleet.thaw(0);
        fleet.refuses(1, LIMIT).await;
        let ledger = desk.comes_out_right().await;
        say(&format!(
            "stopped after its post: {} orders, {} posts, {} late writes refused",
            desk.placed(),
            ledger.posts,
            fleet.fenced() + others.fenced(),
        ));
    }
}

fn is_stopped(pid: u32) -> Result<(), String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|error| error.to_string())?;
    // The state follows the name, which is in parentheses.
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    if state.starts_with('T') { Ok(()) } else { Err(state.chars().take(1).collect()) }
}
