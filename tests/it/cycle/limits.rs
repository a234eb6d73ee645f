//! Caps of a day, and what a cycle does without data.

use jobs::db::agents::{self, Flags};

use super::Desk;

#[tokio::test]
async fn the_orders_of_a_day_are_limited() {
    let desk = Desk::open().await;
    for symbol in ["AAPL", "IBM"] {
        desk.rises(symbol).await;
        desk.candidate(desk.user, symbol, "APPROVED").await;
    }
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    let flags = Flags { max_orders_per_day: Some(1), ..Flags::default() };
    agents::set_flags(&mut conn, desk.user, &flags).await.expect("the cap is set");
    desk.start(desk.user).await;
    let cycle = desk.ended(desk.user).await;
    assert_eq!((cycle.status.as_str(), cycle.decided, cycle.ordered), ("done", 2, 1));
    let held = desk.decisions(desk.user).await;
    let reasons: Vec<_> = held.iter().filter_map(|decision| decision.skip_reason.as_deref()).collect();
    assert_eq!(reasons, ["orders_per_day: the day's 1 orders are made"]);
    // The next cycle makes none either, and once the decisions of the day are made, none of those.
    let flags = Flags { max_decisions_per_day: Some(2), ..Flags::default() };
    agents::set_flags(&mut conn, desk.user, &flags).await.expect("the cap is set");
    desk.sql(
        "update ai_decisions set window_start = window_start - interval '1 hour';
         update agent_status set next_cycle_at = clock_timestamp()",
    )
    .await;
    suites::eventually("the second cycle is done", super::LIMIT, async || {
        desk.number("select count(*) from cycles where status = 'done'").await == 2
    })
    .await;
    let cycle = desk.ended(desk.user).await;
    assert_eq!((cycle.analysed, cycle.decided), (0, 0));
    assert!(cycle.skipped.to_string().contains("the day's 2 decisions are made"), "{}", cycle.skipped);
    assert_eq!(desk.number("select count(*) from ai_decisions").await, 2);
}

#[tokio::test]
async fn a_cycle_without_data_fails_and_the_next_is_put_off() {
    let desk = Desk::open().await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    desk.start(desk.user).await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    for failures in 1..=2 {
        suites::eventually("the cycle has failed", super::LIMIT, async || {
            desk.number("select count(*) from cycles where status = 'failed'").await == failures
        })
        .await;
        let agent = agents::status(&mut conn, desk.user).await.expect("it is read");
        assert_eq!(i64::from(agent.consecutive_errors), failures);
        assert!(agent.last_error.is_some_and(|error| error.contains("quotes")));
        desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
    }
    let cycle = desk.ended(desk.user).await;
    assert!(cycle.skipped.to_string().contains("AAPL"), "{}", cycle.skipped);
    assert_eq!(desk.decisions(desk.user).await.len(), 0, "nothing is decided on without a price");
    // What comes back is forgiven.
    desk.rises("AAPL").await;
    desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
    desk.decision(desk.user, "AAPL", "filled").await;
    suites::eventually("failures are forgotten", super::LIMIT, async || {
        agents::status(&mut desk.app.pool.acquire().await.expect("a connection"), desk.user)
            .await
            .expect("it is read")
            .consecutive_errors
            == 0
    })
    .await;
}

#[tokio::test]
async fn a_stale_quote_is_not_decided_on() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.rises("IBM").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    desk.candidate(desk.user, "IBM", "WATCHLIST").await;
    desk.sql("update market_quotes set as_of = as_of - interval '2 hours' where symbol = 'AAPL'").await;
    desk.start(desk.user).await;
    let cycle = desk.ended(desk.user).await;
    assert_eq!((cycle.status.as_str(), cycle.analysed), ("done", 1));
    assert!(cycle.skipped.to_string().contains("AAPL"), "{}", cycle.skipped);
    let decided: Vec<_> =
        desk.decisions(desk.user).await.into_iter().map(|decision| decision.symbol).collect();
    assert_eq!(decided, ["IBM"]);
}
