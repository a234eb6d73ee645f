//! No answer to a first POST ever arrives (C7).

use std::time::Duration;

use serde_json::{Value, json};
use suites::TestDatabase;

use super::{
    super::tier::{rng, say, seed, sized},
    desk::{Desk, deaf},
};

const LIMIT: Duration = Duration::from_mins(3);

/// Every POST of an order is processed and its answer is lost, in three ways.
pub(super) fn losing_answers() -> Value {
    json!([
        { "route": "/v2/orders", "method": "POST", "rate": 0.6, "kind": "reset_after" },
        { "route": "/v2/orders", "method": "POST", "rate": 0.9, "kind": "status", "code": 502, "after": true },
        { "route": "/v2/orders", "method": "POST", "kind": "lost_answer" },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_answer_is_lost_is_looked_up_and_not_sent_again() {
    lose("lost answers", Ears::Open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_answer_is_lost_is_looked_up_though_no_event_tells_of_it() {
    lose("lost answers unheard", Ears::Shut).await;
}

/// Whether the workers hear the exchange's events, which would tell of an order, too.
#[derive(Debug, PartialEq, Eq)]
enum Ears {
    Open,
    Shut,
}

async fn lose(name: &str, ears: Ears) {
    let mut rng = rng(name);
    let n = sized(25, 1000);
    let database = TestDatabase::create().await;
    let mut desk = Desk::open(database.url(), &database.pool, seed(name)).await;
    desk.place(n, &mut rng).await;
    desk.sandbox.set_faults(losing_answers()).await;
    let fleet = desk.fleet(8);
    let fleet = if ears == Ears::Shut { deaf(fleet) } else { fleet };
    let fleet = fleet.with(2).await;
    desk.sends_all(LIMIT).await;
    let lost = desk.sandbox.faults_met().await;
    let looked_up = desk.adopted().await;
    drop(fleet);
    // Tells what became of the orders after they were sent.
    let _hearing = desk.fleet(8).with(1).await;
    let ledger = desk.comes_out_right().await;
    let most = ledger.orders.iter().map(|order| order.posts).max().unwrap_or_default();
    say(&format!(
        "{n} orders without an answer, ears {ears:?}: {} posts, {lost} answers lost, {looked_up} orders \
         found by a look, at most {most} posts an order",
        ledger.posts
    ));
    assert!(lost >= u64::try_from(n).expect("a small number"), "not every first answer was lost");
    assert!(ears == Ears::Open || looked_up > 0, "nothing was looked up: the drill proves nothing");
    assert!(most <= 2, "an order was posted {most} times");
    assert_eq!(ledger.duplicates, 0, "what was at the exchange already was sent again");
}
