//! The checks of this part, against workers that make a mistake on purpose: they must notice.

use std::time::Duration;

use suites::{SandboxLedger, TestDatabase, eventually};

use super::{
    super::tier::{rng, say, seed},
    desk::{Desk, deaf},
    lost_answers::losing_answers,
    verdict::{Verdict, judge},
};

const N: usize = 5;
const LIMIT: Duration = Duration::from_mins(3);

/// Lets careless workers send orders whose answers are lost, until `noticed`; returns what the
/// check says.
async fn careless(
    mistakes: &str,
    noticed: impl Fn(&SandboxLedger) -> bool,
) -> Option<(Verdict, SandboxLedger)> {
    if !cfg!(debug_assertions) {
        say("NOT RUN: mistakes on purpose (a release build makes none)");
        return None;
    }
    let database = TestDatabase::create().await;
    let mut desk = Desk::open(database.url(), &database.pool, seed(mistakes)).await;
    desk.sandbox.set_faults(losing_answers()).await;
    // Deaf to the exchange's events, which would tell of an order before another attempt begins.
    let _fleet = deaf(desk.fleet(8)).env("CAPSTAN_SABOTAGE", mistakes).with(1).await;
    // So would the comparison of the books, which is made as soon as there is a leader and then
    // every 45 s.
    eventually("the books were compared", LIMIT, async || {
        sqlx::query_scalar::<_, bool>(
            "select exists (select from reconciliations where finished_at is not null)",
        )
        .fetch_one(&database.pool)
        .await
        .expect("the database answers")
    })
    .await;
    desk.place(N, &mut rng(mistakes)).await;
    let ledger = eventually(format!("{mistakes} shows"), LIMIT, async || {
        let ledger = desk.sandbox.ledger().await;
        if noticed(&ledger) { Ok(ledger) } else { Err(ledger) }
    })
    .await;
    let ours = desk.orders().await.expect("the database answers");
    Some((judge(&ours, &ledger), ledger))
}

fn surplus(ledger: &SandboxLedger) -> bool {
    ledger.accepted > u64::try_from(N).expect("a small number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_its_own_for_every_attempt_would_order_twice() {
    let Some((verdict, _)) = careless("new_client_id", surplus).await else { return };
    assert!(verdict.surplus >= 1 && verdict.foreign.len() > N, "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_again_under_another_id_without_a_look_would_order_twice() {
    let Some((verdict, _)) = careless("no_lookup,new_client_id", surplus).await else { return };
    assert!(verdict.surplus >= 1 && verdict.foreign.len() > N, "{verdict:?}");
}

/// The exchange refuses a second order of one id, so that this mistake costs requests only.
#[tokio::test(flavor = "multi_thread")]
async fn trying_again_without_a_look_would_post_what_is_there_already() {
    let again = |ledger: &SandboxLedger| ledger.duplicates > 0;
    let Some((verdict, ledger)) = careless("no_lookup", again).await else { return };
    assert!(ledger.orders.iter().any(|order| order.posts > 1), "{ledger:?}");
    assert!(verdict.twice.is_empty() && verdict.surplus == 0, "{verdict:?}");
}
