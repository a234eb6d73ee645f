//! The gates: at acceptance, and again at the moment of sending.

use jobs::{
    db::{broker_state, risk},
    trading::PlaceRefused,
};

use super::{Desk, buy, d, sell};

async fn switch(desk: &Desk, on: bool) {
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let done = risk::kill_switch(&mut tx, Some(desk.user), desk.user, on, Some("a test"), None).await;
    assert_eq!(done.expect("the switch is set").kill_switch, on);
    tx.commit().await.expect("the transaction commits");
}

#[tokio::test]
async fn the_kill_switch_between_acceptance_and_sending_holds_the_order_back() {
    let mut desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    switch(&desk, true).await;
    desk.start_worker();
    let rejected = desk.reaches(order.id, "rejected").await;
    assert_eq!(rejected.reject_code.as_deref(), Some("kill_switch"));
    assert_eq!(desk.far.book().posts.len(), 0);
    assert_eq!(desk.audited("activate_kill_switch").await, 1);
    let refused = desk.try_place(buy("ACME", "12")).await;
    assert!(matches!(&refused, Err(PlaceRefused::Risk(refusal)) if refusal.rule.as_str() == "kill_switch"));
    switch(&desk, false).await;
    let order = desk.place(buy("ACME", "12")).await;
    desk.reaches(order.id, "new").await;
    assert_eq!(desk.order(rejected.id).await.status.as_str(), "rejected", "what was held back stays so");
}

#[tokio::test]
async fn what_is_not_known_at_acceptance_is_judged_at_sending() {
    let mut desk = Desk::closed().await;
    // 10 % of 100,000 are allowed; nobody had read the account when it was accepted.
    let order = desk.place(buy("ACME", "101")).await;
    desk.start_worker();
    let rejected = desk.reaches(order.id, "rejected").await;
    assert_eq!(rejected.reject_code.as_deref(), Some("max_position"));
    // Now it is known.
    let refused = desk.try_place(buy("ACME", "102")).await;
    assert!(matches!(&refused, Err(PlaceRefused::Risk(refusal)) if refusal.rule.as_str() == "max_position"));
    assert_eq!(desk.far.len(), 0);
}

#[tokio::test]
async fn an_unknown_symbol_is_refused_before_it_is_sent() {
    let desk = Desk::open().await;
    desk.far.book().unknown.push("NOPE".into());
    let order = desk.place(buy("NOPE", "1")).await;
    let rejected = desk.reaches(order.id, "rejected").await;
    assert_eq!(rejected.reject_code.as_deref(), Some("tradable_asset"));
    assert_eq!(desk.far.book().posts.len(), 0);
}

#[tokio::test]
async fn the_same_order_again_is_a_repetition() {
    let desk = Desk::closed().await;
    desk.place(buy("ACME", "10")).await;
    let again = desk.try_place(buy("ACME", "10")).await;
    assert!(matches!(&again, Err(PlaceRefused::Risk(refusal)) if refusal.rule.as_str() == "duplicate"));
    desk.place(buy("ACME", "11")).await;
}

#[tokio::test]
async fn nobody_sells_what_he_does_not_hold() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let order = desk.place(sell("ACME", "6")).await;
    assert!(order.reduces);
    let refused = desk.try_place(sell("ACME", "5")).await;
    assert!(
        matches!(&refused, Err(PlaceRefused::Risk(refusal)) if refusal.rule.as_str() == "position_quantity")
    );
}

#[tokio::test]
async fn an_account_that_makes_no_sense_changes_nothing_and_holds_orders_back() {
    let desk = Desk::closed().await;
    let mut desk = desk;
    desk.far.talk_nonsense("/v2/account", serde_json::json!({ "equity": 1, "cash": "much" }));
    let order = desk.place(buy("ACME", "10")).await;
    desk.start_worker();
    suites::eventually("the trouble is noted", super::LIMIT, async || {
        let mut conn = desk.app.pool.acquire().await.expect("a connection");
        broker_state::state(&mut conn).await.expect("the state is read").error
    })
    .await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    let state = broker_state::state(&mut conn).await.expect("the state is read");
    assert_eq!((state.account, desk.far.book().posts.len()), (None, 0));
    desk.far.talk_nonsense("/v2/account", serde_json::Value::Null);
    desk.reaches(order.id, "new").await;
    let account = broker_state::account(&mut conn).await.expect("it is read").expect("it is there");
    assert_eq!(account.equity, d("100000"));
}
