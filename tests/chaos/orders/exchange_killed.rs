//! The exchange itself is killed, and comes back with what it had accepted.

use std::time::Duration;

use suites::{TestDatabase, eventually};

use super::{
    super::tier::{rng, say, seed, sized},
    desk::Desk,
    everything::bad_day,
};

const LIMIT: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn orders_outlive_an_exchange_that_is_killed_and_comes_back() {
    let name = "exchange killed";
    let mut rng = rng(name);
    let (n, kills) = sized((80, 2), (2000, 20));
    let database = TestDatabase::create().await;
    let mut desk = Desk::open(database.url(), &database.pool, seed(name)).await;
    desk.place(n, &mut rng).await;
    desk.sandbox.set_faults(bad_day()).await;
    let mut fleet = desk.fleet(8).with(2).await;
    for kill in 1..=kills {
        let due = n * kill / (kills + 2);
        eventually(format!("{due} orders are sent"), LIMIT, async || match desk.sent().await {
            Some(sent) if sent >= due => Ok(()),
            sent => Err(sent),
        })
        .await;
        desk.sandbox.kill();
        desk.sandbox.start_again().await;
    }
    desk.sends_all(LIMIT).await;
    let ledger = desk.comes_out_right().await;
    assert!(fleet.alive(), "a worker ended with the exchange");
    say(&format!(
        "{kills} kills of the exchange: {n} orders, {} posts, {} of them again",
        ledger.posts, ledger.duplicates
    ));
}
