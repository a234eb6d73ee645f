//! Caps of a day, and what a cycle does without data.

use jobs::db::{
    agents::{self, Flags},
    decisions::{self, COUNT_CAP, Filter},
};

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
        if failures > 1 {
            desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
        }
        suites::eventually("the cycle has failed", super::LIMIT, async || {
            desk.number("select count(*) from cycles where status = 'failed'").await == failures
        })
        .await;
        let agent = agents::status(&mut conn, desk.user).await.expect("it is read");
        assert_eq!(i64::from(agent.consecutive_errors), failures);
        assert!(agent.last_error.is_some_and(|error| error.contains("quotes")));
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

#[tokio::test]
async fn decisions_are_counted_up_to_a_cap_and_a_page_says_whether_more_follow() {
    let desk = Desk::open().await;
    desk.sql(&format!(
        "insert into ai_decisions (decision_id, user_id, origin, symbol, action, confidence, reasoning, risk_level,
                                   status, analyst, window_start)
         select gen_random_uuid(), '{}', 'request', 'AAPL', 'hold', 1, 'a test', 'low',
                case when n <= 3 then 'pending' else 'skipped' end, 'test', now()
           from generate_series(1, {}) as n",
        desk.user,
        COUNT_CAP + 500
    ))
    .await;
    let pending = Some(domain::cycle::DecisionStatus::Pending);
    // Filter, limit and offset, then how many are shown and counted.
    let cases = [
        (pending, 2, 0, 2, 3),
        (pending, 2, 2, 1, 3),
        (pending, 2, 4, 0, 3),
        (None, 50, 0, 50, COUNT_CAP + 1),
        (None, 50, COUNT_CAP + 400, 50, COUNT_CAP + 451),
        (None, 50, COUNT_CAP + 450, 50, COUNT_CAP + 500),
        (None, 50, COUNT_CAP + 900, 0, COUNT_CAP + 1),
    ];
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    for (status, limit, offset, shown, total) in cases {
        let filter = Filter { status, limit, offset, ..Filter::default() };
        let page = decisions::list(&mut conn, desk.user, &filter).await.expect("the decisions are read");
        assert_eq!((page.0.len(), page.1), (shown, total), "{filter:?}");
    }
}
