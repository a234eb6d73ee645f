//! Leaving positions.

use domain::{
    cycle::{DecisionOrigin, Mode},
    order::{Amount, OrderClass, OrderRequest, OrderStatus, OrderType, Side, StopLoss, TimeInForce},
};
use jobs::{
    db::{
        agents,
        decisions::Decision,
        orders::{self, Order},
    },
    trading::{self, PlaceRequest},
};
use rust_decimal::Decimal;
use suites::eventually;

use super::{Desk, LIMIT};

/// Buys shares of a symbol that rises, and returns its price.
async fn holds(desk: &Desk, symbol: &str) -> Decimal {
    let price = desk.rises(symbol).await;
    buys(desk, OrderRequest::market(symbol, Side::Buy, Amount::Units(Decimal::from(20)))).await;
    price
}

/// Buys twenty shares.
async fn buys(desk: &Desk, request: OrderRequest) {
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let wish = PlaceRequest::by_user(desk.user, request);
    trading::place(&mut tx, Some(desk.user), wish).await.expect("the order is accepted");
    tx.commit().await.expect("the transaction commits");
    left(desk, 20).await;
}

/// Waits until so many shares are held.
async fn left(desk: &Desk, shares: i64) {
    eventually(format!("{shares} shares are held"), LIMIT, async || {
        let held = desk.positions(desk.user).await;
        let is = held.first().is_some_and(|held| held.qty == Decimal::from(shares));
        if is { Ok(()) } else { Err(format!("{held:?}")) }
    })
    .await;
}

/// Buys shares with a stop below and a target above, and returns their price; both legs rest.
async fn holds_with_legs(desk: &Desk) -> Decimal {
    let price = desk.rises("AAPL").await;
    let market = OrderRequest::market("AAPL", Side::Buy, Amount::Units(Decimal::from(20)));
    let stop_price = (price * Decimal::new(95, 2)).round_dp(2);
    let bracket = OrderRequest {
        class: OrderClass::Bracket,
        take_profit: Some((price * Decimal::TWO).round_dp(2)),
        stop_loss: Some(StopLoss { stop_price, limit_price: None }),
        ..market
    };
    buys(desk, bracket).await;
    eventually("both legs rest", LIMIT, async || open(desk).await.len() == 2).await;
    price
}

/// Returns the open orders in the symbol, oldest first.
async fn open(desk: &Desk) -> Vec<Order> {
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    orders::open_of_symbol(&mut conn, desk.user, "AAPL").await.expect("the orders are read")
}

/// Quotes so many percent of the price and lets a cycle look at it, once the one at work has ended.
async fn looks_at(desk: &Desk, price: Decimal, percent: i64) {
    desk.ended(desk.user).await;
    desk.quote("AAPL", price * Decimal::new(percent, 2)).await;
    desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
}

/// Waits until the only exit stands there.
async fn exit(desk: &Desk, status: &str) -> Decision {
    eventually(format!("the exit is {status}"), LIMIT, async || {
        let decisions = desk.decisions(desk.user).await;
        let exit = decisions.iter().find(|decision| decision.origin == DecisionOrigin::Exit);
        let there = exit.filter(|exit| exit.status.as_str() == status);
        there.cloned().ok_or_else(|| format!("{decisions:?}"))
    })
    .await
}

/// Halts the user's trading as soon as an order for which `condition` holds is recorded.
async fn halts_on(desk: &Desk, condition: &str) {
    desk.sql(&format!(
        "create function halt() returns trigger language plpgsql as $$
         begin if {condition} then update risk_settings set trading_state = 'halted'; end if; return new; end $$;
         create trigger halt after insert on orders for each row execute function halt()"
    ))
    .await;
}

async fn resumes(desk: &Desk) {
    desk.sql("drop trigger halt on orders; update risk_settings set trading_state = 'active'").await;
}

#[tokio::test]
async fn a_position_that_fell_to_its_stop_is_left() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    desk.quote("AAPL", price * Decimal::new(95, 2)).await;
    desk.start(desk.user).await;
    eventually("the position is left", LIMIT, async || desk.positions(desk.user).await.is_empty()).await;
    assert!(exit(&desk, "filled").await.order_id.is_some());
    let cycle = desk.ended(desk.user).await;
    assert_eq!((cycle.status.as_str(), cycle.exited), ("done", 1));
}

#[tokio::test]
async fn a_step_of_profit_sells_a_part_once() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    desk.quote("AAPL", price * Decimal::new(112, 2)).await;
    desk.start(desk.user).await;
    left(&desk, 15).await;
    exit(&desk, "filled").await;
    desk.ended(desk.user).await;
    desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
    eventually("another cycle is done", LIMIT, async || {
        desk.number("select count(*) from cycles where status = 'done'").await == 2
    })
    .await;
    assert_eq!(desk.positions(desk.user).await[0].qty, Decimal::from(15));
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

#[tokio::test]
async fn a_step_whose_order_ended_unfilled_is_tried_again() {
    let desk = Desk::open().await;
    let price = holds(&desk, "AAPL").await;
    halts_on(&desk, "new.origin = 'close'").await;
    desk.quote("AAPL", price * Decimal::new(112, 2)).await;
    desk.start(desk.user).await;
    let exit = exit(&desk, "rejected").await;
    assert!(exit.order_id.is_some(), "an order was made of it: {exit:?}");
    assert_eq!(desk.positions(desk.user).await[0].qty, Decimal::from(20));
    resumes(&desk).await;
    looks_at(&desk, price, 112).await;
    left(&desk, 15).await;
}

#[tokio::test]
async fn a_step_waits_for_legs_and_a_trailing_stop_does_not_wait_with_it() {
    let desk = Desk::open().await;
    let price = holds_with_legs(&desk).await;
    desk.quote("AAPL", price * Decimal::new(120, 2)).await;
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.exited, 0, "legs rest in the symbol");
    let resting = open(&desk).await;
    assert!(resting.iter().all(|order| order.cancel_requested_at.is_none()), "{resting:?}");
    // Below the trailing stop at 114 %, and still above the first step.
    looks_at(&desk, price, 112).await;
    eventually("the position is left", LIMIT, async || desk.positions(desk.user).await.is_empty()).await;
    eventually("nothing rests", LIMIT, async || open(&desk).await.is_empty()).await;
    assert_eq!(exit(&desk, "filled").await.metadata["exit"], "trailing_stop");
}

#[tokio::test]
async fn a_close_that_is_not_sent_is_told_to_its_owner() {
    let desk = Desk::open().await;
    let price = holds_with_legs(&desk).await;
    // The legs are canceled by the close; what closes is refused.
    desk.sql(
        "create function halt() returns trigger language plpgsql as $$
         begin if new.status = 'canceled' then update risk_settings set trading_state = 'halted'; end if;
         return new; end $$;
         create trigger halt after update on orders for each row execute function halt()",
    )
    .await;
    desk.quote("AAPL", price * Decimal::new(90, 2)).await;
    desk.start(desk.user).await;
    exit(&desk, "rejected").await;
    let told: String = sqlx::query_scalar("select body->>'message' from events where name = 'alert:new'")
        .fetch_one(&desk.app.pool)
        .await
        .expect("there is one alert");
    assert!(told.starts_with("the position in AAPL was not closed: trading is halted"), "{told}");
    assert_eq!(desk.positions(desk.user).await[0].qty, Decimal::from(20));
}

#[tokio::test]
async fn a_step_leaves_an_order_of_its_users_own_alone() {
    let desk = Desk::open().await;
    let price = holds_with_legs(&desk).await;
    desk.sql("update orders set origin = 'user', parent_order_id = null where order_type = 'stop'").await;
    desk.quote("AAPL", price * Decimal::new(112, 2)).await;
    desk.start(desk.user).await;
    assert_eq!(desk.ended(desk.user).await.exited, 0);
    let resting = open(&desk).await;
    assert!(resting.iter().all(|order| order.cancel_requested_at.is_none()), "{resting:?}");
    assert!(resting.iter().all(|order| order.status != OrderStatus::Canceled), "{resting:?}");
}
