//! What stops a cycle, and before which step.

use domain::cycle::Mode;
use jobs::{
    cycle::{self, ExecuteRefused},
    db::{agents, risk},
};
use sqlx::{PgConnection, Postgres, Transaction};
use suites::eventually;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Desk, LIMIT};

/// Does `what` when the step `name` is recorded: between two steps, as a user may.
async fn after(desk: &Desk, name: &str, what: &str) {
    desk.sql(&format!(
        "create or replace function interfere() returns trigger language plpgsql as $$
         begin if new.name = '{name}' then {what}; end if; return new; end $$;
         create or replace trigger interfere after insert on queue.steps
            for each row execute function interfere()"
    ))
    .await;
}

#[tokio::test]
async fn each_control_stops_the_cycle_before_its_next_step() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    let stop = "update agent_status set is_running = false";
    let pause = "update agent_status set is_paused = true";
    let kill = "update risk_settings set kill_switch = true";
    let user_halts = "update risk_settings set trading_state = 'halted'";
    let halt = "update platform_state set trading_state = 'halted'";
    let cases = [
        ("begin", stop, "exits", "not_running"),
        ("universe", pause, "market", "paused"),
        ("market", kill, "analysis", "kill_switch"),
        ("analysis AAPL", user_halts, "decisions", "trading_halted"),
        ("decisions", kill, "orders", "kill_switch"),
        ("decisions", halt, "orders", "trading_halted"),
    ];
    for (step, what, before, reason) in cases {
        let user = desk.app.signed_up().await.user_id.parse().expect("a user's id is a UUID");
        desk.allow(user).await;
        desk.candidate(user, "AAPL", "APPROVED").await;
        after(&desk, step, what).await;
        desk.start(user).await;
        let cycle = desk.ended(user).await;
        let told = (cycle.status.as_str(), cycle.stopped_before.as_deref(), cycle.stop_reason.as_deref());
        assert_eq!(told, ("stopped", Some(before), Some(reason)), "after {step}: {what}");
        assert_eq!(cycle.error, None);
    }
    assert_eq!(desk.orders().await, 0, "nothing was sent after somebody said stop");
}

#[tokio::test]
async fn a_mode_that_is_set_in_time_counts_for_the_cycle_under_way() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    after(&desk, "decisions", "update agent_status set mode = 'semi-auto'").await;
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.status, "done");
    desk.decision(desk.user, "AAPL", "pending").await;
    assert_eq!(desk.orders().await, 0);
}

#[tokio::test]
async fn an_agent_under_the_kill_switch_does_nothing_and_goes_on_after_it() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    let switch = async |on| {
        let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
        let set = risk::kill_switch(&mut tx, Some(desk.user), desk.user, on, Some("a test"), None).await;
        set.expect("the switch is set");
        tx.commit().await.expect("the transaction commits");
    };
    switch(true).await;
    desk.start(desk.user).await;
    let stopped = desk.ended(desk.user).await;
    assert_eq!((stopped.status.as_str(), stopped.stopped_before.as_deref()), ("stopped", Some("begin")));
    switch(false).await;
    desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
    desk.decision(desk.user, "AAPL", "filled").await;
}

#[tokio::test]
async fn an_agent_that_rests_has_no_cycles_until_it_is_resumed() {
    let desk = Desk::open().await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    let user = desk.user;
    assert_eq!(agents::status(&mut conn, user).await.expect("it is read").version, 0);
    agents::pause(&mut conn, user).await.expect("there is nothing to pause");
    desk.start(user).await;
    desk.ended(user).await;
    let paused = agents::pause(&mut conn, user).await.expect("it is paused");
    assert!(paused.is_running && paused.is_paused);
    desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
    let due = agents::due(&mut conn, 10).await.expect("the agents are read");
    assert!(due.is_empty(), "{due:?}");
    let resumed = agents::resume(&mut conn, user).await.expect("it is resumed");
    assert!(resumed.is_running && !resumed.is_paused);
    let stopped = agents::stop(&mut conn, user).await.expect("it is stopped");
    assert_eq!((stopped.is_running, stopped.next_cycle_at), (false, None));
    let audited = desk.number("select count(*) from audit_log where resource = 'agent'").await;
    let told = desk.number("select count(*) from events where name = 'agent:status'").await;
    assert!(audited >= 5 && told >= 5, "{audited} {told}");
}

/// Waits until so many sessions of the database wait for a row, or for somebody's turn.
async fn waiting(desk: &Desk, sessions: i64, row: bool) {
    let select = format!(
        "select count(distinct l.pid)
           from pg_locks l
           join pg_stat_activity a on a.pid = l.pid
          where a.datname = current_database() and not l.granted and (l.locktype <> 'advisory') = {row}"
    );
    eventually(format!("{sessions} sessions wait"), LIMIT, async || {
        let waiting = desk.number(&select).await;
        if waiting == sessions { Ok(()) } else { Err(waiting.to_string()) }
    })
    .await;
}

/// Begins a transaction that the server lets rest for as long as the test needs.
async fn begun(desk: &Desk) -> Transaction<'static, Postgres> {
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let patient = sqlx::query("set local idle_in_transaction_session_timeout = 0").execute(&mut *tx).await;
    patient.expect("it may rest");
    tx
}

async fn kills(conn: &mut PgConnection, user: Uuid) {
    risk::kill_switch(conn, Some(user), user, true, Some("a test"), None).await.expect("the switch is set");
}

/// Lets the agent decide what waits for its user's word, and returns the decision.
async fn proposed(desk: &Desk) -> Uuid {
    desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    agents::set_mode(&mut conn, desk.user, Mode::SemiAuto).await.expect("the mode is set");
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.status, "done");
    desk.decision(desk.user, "AAPL", "pending").await.id
}

#[tokio::test]
async fn a_stop_that_comes_after_an_order_waits_for_it() {
    let desk = Desk::open().await;
    let decision = proposed(&desk).await;
    let mut ordering = begun(&desk).await;
    cycle::execute(&mut ordering, desk.user, decision, desk.user).await.expect("nothing holds it back");
    let mut stops = JoinSet::new();
    for turn in 0..3 {
        let (pool, user) = (desk.app.pool.clone(), desk.user);
        stops.spawn(async move {
            let mut tx = pool.begin().await.expect("a transaction begins");
            let stopped = match turn {
                0 => agents::stop(&mut tx, user).await.map(drop),
                1 => risk::kill_switch(&mut tx, Some(user), user, true, Some("a test"), None).await.map(drop),
                _ => risk::set_platform(&mut tx, None, risk::TradingState::Halted, Some("a test")).await,
            };
            stopped.expect("it is stopped");
            tx.commit().await.expect("the transaction commits");
        });
    }
    waiting(&desk, 3, true).await;
    assert!(stops.try_join_next().is_none(), "each stop waits for the order");
    ordering.commit().await.expect("the transaction commits");
    while let Some(stopped) = stops.join_next().await {
        stopped.expect("it is stopped");
    }
    assert_eq!(desk.orders().await, 1);
}

#[tokio::test]
async fn a_kill_switch_that_comes_before_an_order_is_waited_for_and_wins() {
    let desk = Desk::open().await;
    let decision = proposed(&desk).await;
    // The first switch of a user who never set a limit.
    desk.sql("delete from risk_settings").await;
    let mut killing = begun(&desk).await;
    kills(&mut killing, desk.user).await;
    let ((), refused) = tokio::join!(
        async {
            waiting(&desk, 1, true).await;
            killing.commit().await.expect("the transaction commits");
        },
        desk.execute(desk.user, decision)
    );
    assert!(
        matches!(&refused, Err(ExecuteRefused::Gate { gate, .. }) if gate == "kill_switch"),
        "{refused:?}"
    );
    assert_eq!(desk.orders().await, 0);
}

#[tokio::test]
async fn a_stop_that_comes_before_a_cycles_order_is_waited_for_and_wins() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    // The cycle comes as far as its order and waits there for its turn.
    let mut turn = begun(&desk).await;
    risk::one_at_a_time(&mut turn, desk.user).await.expect("the turn is taken");
    desk.start(desk.user).await;
    waiting(&desk, 1, false).await;
    let mut stopping = begun(&desk).await;
    agents::stop(&mut stopping, desk.user).await.expect("the agent is stopped");
    turn.commit().await.expect("the transaction commits");
    waiting(&desk, 1, true).await;
    stopping.commit().await.expect("the transaction commits");
    let decision = desk.decision(desk.user, "AAPL", "skipped").await;
    let reason = decision.skip_reason.expect("a decision that is skipped says why");
    assert!(reason.starts_with("not_running: "), "{reason}");
    assert_eq!(desk.orders().await, 0);
}
