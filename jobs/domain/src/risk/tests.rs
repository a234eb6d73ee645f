//! A view in which an ordinary order passes, then each rule at its edge, then what must always hold.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::*;
use crate::{
    market_hours::Session,
    order::{Amount, OrderRequest, OrderType, Side, StopLoss, TimeInForce, Trail},
};

mod account;
mod market;
mod missing;
mod properties;
mod size;
mod state;

fn d(text: &str) -> Decimal {
    text.parse().expect("a number of this test is valid")
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// An account of $100,000 with nothing in it, at $100 a share, in regular hours.
fn view() -> RiskView {
    RiskView {
        now: now(),
        order_created_at: now(),
        trading: TradingState::Active,
        kill_switch: false,
        locks: vec![],
        limits: Limits::default(),
        account: Some(Account {
            equity: d("100000"),
            last_equity: d("100000"),
            cash: d("100000"),
            buying_power: d("200000"),
            daytrade_count: 0,
            pattern_day_trader: false,
            trading_blocked: false,
            shorting_enabled: true,
        }),
        positions: Some(vec![]),
        open_orders: vec![],
        recent_orders: vec![],
        asset: Some(Asset { active: true, tradable: true, fractionable: true, shortable: true }),
        market: Some(Market { is_open: true, session: Session::Regular }),
        last_price: Some(Quote { price: d("100"), at: now() }),
        max_price_age: TimeDelta::seconds(60),
    }
}

fn units(text: &str) -> Amount {
    Amount::Units(d(text))
}

fn buy(quantity: &str) -> OrderRequest {
    OrderRequest::market("AAPL", Side::Buy, units(quantity))
}

fn sell(quantity: &str) -> OrderRequest {
    OrderRequest::market("AAPL", Side::Sell, units(quantity))
}

fn limit_buy(quantity: &str, price: &str) -> OrderRequest {
    OrderRequest::limit("AAPL", Side::Buy, units(quantity), d(price))
}

fn holding(symbol: &str, quantity: &str) -> Holding {
    let quantity = d(quantity);
    Holding { symbol: symbol.to_owned(), quantity, market_value: quantity * d("100") }
}

fn holding_view(quantity: &str) -> RiskView {
    RiskView { positions: Some(vec![holding("AAPL", quantity)]), ..view() }
}

fn open(symbol: &str, side: Side, remaining: &str, reduces: bool) -> OpenOrder {
    let remaining = d(remaining);
    OpenOrder {
        symbol: symbol.to_owned(),
        side,
        remaining,
        value: remaining * d("100"),
        limit_price: Some(d("100")),
        reduces,
        at_broker: false,
    }
}

/// Returns the rule that refuses `order` at sending, `None` when it passes.
fn refused(order: &OrderRequest, view: &RiskView) -> Option<Rule> {
    match check(order, Stage::Sending, view) {
        Verdict::Pass => None,
        Verdict::Refuse(refusal) => Some(refusal.rule),
        Verdict::Unknown(what) => panic!("{what} for {order:?}"),
    }
}

/// Returns `view()` after `change`.
fn with(change: impl FnOnce(&mut RiskView)) -> RiskView {
    let mut view = view();
    change(&mut view);
    view
}

fn account_of(view: &mut RiskView) -> &mut Account {
    view.account.as_mut().expect("the view of these tests has an account")
}

/// Checks a table of orders and views against the rule that refuses each at sending.
fn expect(cases: &[(OrderRequest, RiskView, Option<Rule>, &str)]) {
    for (order, view, expected, why) in cases {
        assert_eq!(refused(order, view), *expected, "{why}");
    }
}
