//! A broker that is down for a while (C5).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use suites::TestDatabase;
use tokio::time::{Instant, sleep_until};

use super::{
    super::tier::{rng, say, seed, sized},
    desk::Desk,
};

/// How soon a process notices, and how soon that it is over, by its own record: twice what is
/// promised, for a machine that is busy.
const OPENS: TimeDelta = TimeDelta::seconds(10);
const CLOSES: TimeDelta = TimeDelta::seconds(20);
const LIMIT: Duration = Duration::from_mins(2);
/// Orders keep coming at this pace.
const PACE: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_is_left_alone_and_the_backlog_drains_afterwards() {
    let name = "outage";
    let mut rng = rng(name);
    let down = Duration::from_secs(sized(12, 60));
    let database = TestDatabase::create().await;
    let mut desk = Desk::open(database.url(), &database.pool, seed(name)).await;
    let counter = desk.counter().await;
    let fleet = desk.fleet(8).with(2).await;
    desk.ask(&counter, 10, &mut rng).await;
    desk.sends_all(LIMIT).await;

    let began = Utc::now();
    let until = Instant::now() + down;
    desk.sandbox.set_faults(json!([{ "route": "/v2/*", "kind": "outage" }])).await;
    // Each failed probe opens a breaker anew: the first time is seen only when it is looked for.
    let mut first = None;
    while Instant::now() < until {
        desk.ask(&counter, 1, &mut rng).await;
        first = first.or(breakers(&desk, &["open"]).await.into_iter().min());
        sleep_until((Instant::now() + PACE).min(until)).await;
    }
    let opened_after = first.expect("a breaker opened") - began;
    let posts = desk.sandbox.ledger().await.posts;
    let waiting = desk.placed() - desk.sent().await.unwrap_or_default();
    assert!(waiting > 0, "nothing waits: there was no outage");

    desk.sandbox.set_faults(json!([])).await;
    let over = Utc::now();
    // A breaker closes with a call: there have to be some for every process.
    let started = Instant::now();
    while !breakers(&desk, &["open", "half_open"]).await.is_empty() {
        assert!(started.elapsed() < LIMIT, "breakers stay open");
        desk.ask(&counter, 1, &mut rng).await;
        sleep_until(Instant::now() + PACE).await;
    }
    let closed = breakers(&desk, &["closed"]).await.into_iter().max().expect("there are processes");
    let closed_after = closed - over;
    desk.sends_all(LIMIT).await;
    let ledger = desk.comes_out_right().await;
    say(&format!(
        "down for {down:?}: noticed after {} ms, over {} ms after its end; {waiting} orders waited, {posts} \
         posts until then, {} in all for {} orders; {} late writes refused",
        opened_after.num_milliseconds(),
        closed_after.num_milliseconds(),
        ledger.posts,
        desk.placed(),
        fleet.fenced(),
    ));
    assert!(opened_after <= OPENS, "noticed after {opened_after}");
    assert!(closed_after <= CLOSES, "over after {closed_after}");
}

/// Returns since when the breakers that stand at one of `positions` do so, as their processes said.
async fn breakers(desk: &Desk, positions: &[&str]) -> Vec<DateTime<Utc>> {
    sqlx::query_scalar(
        "select since from external_status where provider = 'alpaca_trading' and breaker = any($1)",
    )
    .bind(positions)
    .fetch_all(&desk.pool)
    .await
    .expect("the database answers")
}
