//! What stops a cycle, and before which step.

use jobs::db::{agents, risk};

use super::Desk;

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
