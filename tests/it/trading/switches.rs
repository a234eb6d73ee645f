//! Kill switches, a user's and the operators', beside what is being done just then.

use jobs::db::{
    orders,
    risk::{self, TradingState},
};
use serde_json::Value;
use sqlx::PgConnection;
use suites::eventually;

use super::{Desk, LIMIT, buy};

async fn engage(conn: &mut PgConnection, desk: &Desk) {
    let done = risk::kill_switch(conn, Some(desk.user), desk.user, true, Some("a test"), None).await;
    assert!(done.expect("the switch is set").kill_switch);
}

/// Gives the user settings, or leaves it at the defaults, which are no row.
async fn with_settings(desk: &Desk, set: bool) {
    if set {
        desk.sql(&format!("insert into risk_settings (user_id) values ('{}')", desk.user)).await;
    }
}

#[tokio::test]
async fn a_kill_switch_that_comes_while_an_order_begins_to_be_sent_waits_for_it() {
    for set in [true, false] {
        let mut desk = Desk::closed().await;
        with_settings(&desk, set).await;
        let order = desk.place(buy("ACME", "10")).await;
        let mut holding = desk.begun().await;
        orders::lock(&mut holding, order.id).await.expect("it is locked").expect("it is there");
        desk.start_worker();
        eventually("the attempt begins", LIMIT, async || desk.waits("'submitting'").await).await;
        let (pool, user) = (desk.app.pool.clone(), desk.user);
        let engaging = tokio::spawn(async move {
            let mut tx = pool.begin().await.expect("a transaction begins");
            risk::kill_switch(&mut tx, Some(user), user, true, Some("a test"), None).await.expect("it is on");
            tx.commit().await.expect("the transaction commits");
        });
        eventually("the switch has its turn or waits", LIMIT, async || {
            engaging.is_finished() || desk.waits("risk_settings").await
        })
        .await;
        assert!(!engaging.is_finished(), "it was turned between the question and the sending: {set}");
        holding.commit().await.expect("the transaction commits");
        engaging.await.expect("the switch is on");
        desk.reaches(order.id, "new").await;
        assert_eq!(desk.far.posts(&order.client_order_id), 1);
    }
}

#[tokio::test]
async fn a_kill_switch_that_comes_before_an_order_is_sent_is_waited_for_and_wins() {
    for set in [true, false] {
        let mut desk = Desk::closed().await;
        with_settings(&desk, set).await;
        let order = desk.place(buy("ACME", "10")).await;
        let mut engaging = desk.begun().await;
        engage(&mut engaging, &desk).await;
        desk.start_worker();
        // The gates were asked while it was off.
        eventually("the attempt waits or has sent", LIMIT, async || {
            desk.waits("risk_settings").await || desk.far.posts(&order.client_order_id) > 0
        })
        .await;
        assert_eq!(desk.far.posts(&order.client_order_id), 0, "{set}");
        engaging.commit().await.expect("the transaction commits");
        let rejected = desk.reaches(order.id, "rejected").await;
        assert_eq!(rejected.reject_code.as_deref(), Some("kill_switch"));
        assert_eq!(desk.far.posts(&order.client_order_id), 0);
    }
}

#[tokio::test]
async fn of_two_operators_the_later_one_sees_what_the_earlier_one_did() {
    for looks in [true, false] {
        let desk = Desk::closed().await;
        let mut first = desk.begun().await;
        let before = risk::hold_platform(&mut first).await.expect("it is held");
        assert_eq!(before.trading_state, TradingState::Active);
        risk::set_platform(&mut first, None, TradingState::Halted, Some("first")).await.expect("it is set");
        let pool = desk.app.pool.clone();
        let second = tokio::spawn(async move {
            let mut tx = pool.begin().await.expect("a transaction begins");
            let seen = if looks {
                Some(risk::hold_platform(&mut tx).await.expect("it is held").trading_state)
            } else {
                None
            };
            let set = risk::set_platform(&mut tx, None, TradingState::Reducing, Some("second")).await;
            set.expect("it is set");
            tx.commit().await.expect("the transaction commits");
            seen
        });
        eventually("the second one has its turn or waits", LIMIT, async || {
            second.is_finished() || desk.waits("platform_state").await
        })
        .await;
        assert!(!second.is_finished(), "the first one has not committed");
        first.commit().await.expect("the transaction commits");
        let seen = second.await.expect("the second one is through");
        assert_eq!(seen, looks.then_some(TradingState::Halted));
        let audited: Vec<(Value, Value)> = sqlx::query_as(
            "select before->'tradingState', after->'tradingState' from audit_log
              where action = 'set_trading_state' order by audit_id",
        )
        .fetch_all(&desk.app.pool)
        .await
        .expect("the audit is read");
        let words = audited.iter().map(|(before, after)| (before.as_str(), after.as_str()));
        let expected = [(Some("active"), Some("halted")), (Some("halted"), Some("reducing"))];
        assert_eq!(words.collect::<Vec<_>>(), expected, "each begins where the one before it ended");
    }
}

#[tokio::test]
async fn everybodys_kill_switch_gives_back_the_state_that_it_found() {
    use TradingState::{Active, Halted, Reducing};
    let desk = Desk::closed().await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    // What was set before the switch is turned off, one after the other; then what it gives back.
    let cases: [(&[TradingState], TradingState); 5] = [
        (&[Halted], Active),
        (&[Reducing, Halted], Reducing),
        (&[Reducing, Halted, Halted], Reducing),
        (&[Reducing, Halted, Active, Halted], Active),
        (&[Halted, Reducing], Reducing),
    ];
    for (states, expected) in cases {
        risk::set_platform(&mut conn, None, Active, None).await.expect("it is set");
        for state in states {
            risk::set_platform(&mut conn, None, *state, Some("a test")).await.expect("it is set");
        }
        let on = states.last() == Some(&Halted);
        let turned = risk::switch_platform(&mut conn, None, false, Some("over")).await.expect("it is off");
        assert_eq!(turned, on, "{states:?}");
        let now = risk::platform(&mut conn).await.expect("it is read");
        assert_eq!(now.trading_state, expected, "{states:?}");
        let turned = risk::switch_platform(&mut conn, None, true, Some("again")).await.expect("it is on");
        assert!(turned, "{states:?}");
        let again = risk::switch_platform(&mut conn, None, true, Some("no")).await.expect("it is on");
        let now = risk::platform(&mut conn).await.expect("it is read");
        assert_eq!((again, now.reason.as_deref()), (false, Some("again")), "it was on already");
        risk::switch_platform(&mut conn, None, false, None).await.expect("it is off");
        assert_eq!(risk::platform(&mut conn).await.expect("it is read").trading_state, expected);
    }
}
