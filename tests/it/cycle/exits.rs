//! Leaving positions.

use domain::{
    cycle::{DecisionOrigin, Mode},
    order::{Amount, OrderRequest, OrderType, Side, TimeInForce},
};
use jobs::{
    db::agents,
    trading::{self, PlaceRequest},
};
use rust_decimal::Decimal;
use suites::eventually;

use super::{Desk, LIMIT};

/// Buys shares of a symbol that rises, and returns its price.
async fn holds(desk: &Desk, symbol: &str) -> Decimal {
    let price = desk.rises(symbol).await;
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let request = OrderRequest::market(symbol, Side::Buy, Amount::Units(Decimal::from(20)));
    let wish = PlaceRequest::by_user(desk.user, request);
    trading::place(&mut tx, Some(desk.user), wish).await.expect("the order is accepted");
    tx.commit().await.expect("the transaction commits");
    eventually("the shares are held", LIMIT, async || {
        desk.positions(desk.user).await.first().is_some_and(|held| held.qty == Decimal::from(20))
    })
    .await;
    price
}

#[tokio::test]
async fn a_position_that_fell_to_its_stop_is_left() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    desk.quote("AAPL", price * Decimal::new(95, 2)).await;
    desk.start(desk.user).await;
    eventually("the position is left", LIMIT, async || desk.positions(desk.user).await.is_empty()).await;
    eventually("the decision follows its order", LIMIT, async || {
        let decisions = desk.decisions(desk.user).await;
        let exit = decisions.iter().find(|decision| decision.origin == DecisionOrigin::Exit);
        let done = exit.is_some_and(|exit| exit.status.as_str() == "filled" && exit.order_id.is_some());
        if done { Ok(()) } else { Err(format!("{decisions:?}")) }
    })
    .await;
    let cycle = desk.ended(desk.user).await;
    assert_eq!((cycle.status.as_str(), cycle.exited), ("done", 1));
}

#[tokio::test]
async fn a_step_of_profit_sells_a_part_once() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    desk.quote("AAPL", price * Decimal::new(112, 2)).await;
    desk.start(desk.user).await;
    let left = Decimal::from(15);
    eventually("a quarter is sold", LIMIT, async || {
        let held = desk.positions(desk.user).await;
        if held.first().is_some_and(|held| held.qty == left) { Ok(()) } else { Err(format!("{held:?}")) }
    })
    .await;
    eventually("the decision is filled", LIMIT, async || {
        desk.number("select count(*) from ai_decisions where origin = 'exit' and status = 'filled'").await
            == 1
    })
    .await;
    desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
    eventually("another cycle is done", LIMIT, async || {
        desk.number("select count(*) from cycles where status = 'done'").await == 2
    })
    .await;
    assert_eq!(desk.positions(desk.user).await[0].qty, left);
    assert_eq!(desk.number("select steps_taken::int8 from position_exits").await, 1);
}

#[tokio::test]
async fn an_agent_in_manual_mode_leaves_nothing() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    desk.quote("AAPL", price * Decimal::new(90, 2)).await;
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    agents::set_mode(&mut conn, desk.user, Mode::Manual).await.expect("the mode is set");
    desk.start(desk.user).await;
    let cycle = desk.ended(desk.user).await;
    assert_eq!((cycle.status.as_str(), cycle.exited, desk.positions(desk.user).await.len()), ("done", 0, 1));
}

#[tokio::test]
async fn a_position_is_left_though_nobody_gives_bars() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    desk.quote("AAPL", price * Decimal::new(95, 2)).await;
    desk.sql("delete from market_bars").await;
    desk.start(desk.user).await;
    eventually("the position is left", LIMIT, async || desk.positions(desk.user).await.is_empty()).await;
    assert_eq!(desk.ended(desk.user).await.status, "failed", "nothing could be decided");
}

#[tokio::test]
async fn the_stop_of_an_older_position_says_nothing_about_this_one() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    desk.sql(&format!(
        "insert into ai_decisions (decision_id, user_id, origin, symbol, action, confidence, reasoning, risk_level,
                                   status, stop_loss, analyst, window_start)
         values (gen_random_uuid(), '{}', 'request', 'AAPL', 'buy', 1, 'long ago', 'low', 'filled', 1, 'test', now())",
        desk.user
    ))
    .await;
    desk.quote("AAPL", price * Decimal::new(96, 2)).await;
    desk.start(desk.user).await;
    eventually("the position is left", LIMIT, async || desk.positions(desk.user).await.is_empty()).await;
}

#[tokio::test]
async fn a_step_that_could_not_be_sold_is_still_to_be_taken() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let resting = OrderRequest {
        limit_price: Some((price * Decimal::TWO).round_dp(2)),
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        ..OrderRequest::market("AAPL", Side::Sell, Amount::Units(Decimal::ONE))
    };
    trading::place(&mut tx, Some(desk.user), PlaceRequest::by_user(desk.user, resting))
        .await
        .expect("the order is accepted");
    tx.commit().await.expect("the transaction commits");
    desk.quote("AAPL", price * Decimal::new(112, 2)).await;
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.exited, 0, "an order rests in the symbol");
    assert_eq!(desk.number("select steps_taken::int8 from position_exits").await, 0);
    assert_eq!(desk.positions(desk.user).await[0].qty, Decimal::from(20));
}
