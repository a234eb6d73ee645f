//! What waits for its user's word.

use domain::cycle::Mode;
use jobs::{cycle::ExecuteRefused, db::agents};

use super::Desk;

async fn in_mode(desk: &Desk, mode: Mode) {
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    let agent = agents::set_mode(&mut conn, desk.user, mode).await.expect("the mode is set");
    assert_eq!(agent.mode, mode);
}

#[tokio::test]
async fn a_decision_waits_for_its_user_and_becomes_one_order() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    in_mode(&desk, Mode::SemiAuto).await;
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.status, "done");
    let decision = desk.decision(desk.user, "AAPL", "pending").await;
    assert_eq!(desk.orders().await, 0);
    let both = tokio::join!(desk.execute(desk.user, decision.id), desk.execute(desk.user, decision.id));
    let executed = [both.0, both.1];
    let placed = executed.iter().filter(|done| done.as_ref().is_ok_and(|done| done.order.is_some())).count();
    let refused = executed.iter().filter(|done| matches!(done, Err(ExecuteRefused::NotPending(_)))).count();
    assert_eq!((placed, refused), (1, 1), "{executed:?}");
    let filled = desk.decision(desk.user, "AAPL", "filled").await;
    assert_eq!((filled.approved_by, desk.orders().await), (Some(desk.user), 1));
}

#[tokio::test]
async fn a_word_that_a_gate_holds_back_may_be_given_again() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "WATCHLIST").await;
    in_mode(&desk, Mode::Manual).await;
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.status, "done");
    let decision = desk.decision(desk.user, "AAPL", "pending").await;
    let refused = desk.execute(desk.user, decision.id).await;
    assert!(
        matches!(&refused, Err(ExecuteRefused::Gate { gate, .. }) if gate == "candidate_approval"),
        "{refused:?}"
    );
    let waiting = desk.decision(desk.user, "AAPL", "approved").await;
    assert!(waiting.gates.to_string().contains("candidate_approval"), "{}", waiting.gates);
    desk.sql("update universe_candidates set status = 'APPROVED'").await;
    desk.execute(desk.user, decision.id).await.expect("nothing holds it back any more");
    desk.decision(desk.user, "AAPL", "filled").await;
}

#[tokio::test]
async fn a_decision_whose_stop_the_price_has_passed_is_not_acted_on() {
    let desk = Desk::open().await;
    let price = desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    in_mode(&desk, Mode::SemiAuto).await;
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.status, "done");
    let decision = desk.decision(desk.user, "AAPL", "pending").await;
    desk.quote("AAPL", price / rust_decimal::Decimal::TWO).await;
    let refused = desk.execute(desk.user, decision.id).await;
    assert!(matches!(&refused, Err(ExecuteRefused::Gate { gate, .. }) if gate == "price"), "{refused:?}");
    assert_eq!(desk.orders().await, 0);
}
