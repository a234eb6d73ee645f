//! The symbol, the hours, resting orders and the price.

use super::*;

#[test]
fn the_symbol_must_trade_in_such_amounts() {
    let asset = |change: fn(&mut Asset)| with(|v| change(v.asset.as_mut().expect("an asset")));
    let money = OrderRequest::market("AAPL", Side::Buy, Amount::Notional(d("50")));
    expect(&[
        (buy("1"), asset(|a| a.tradable = false), Some(Rule::TradableAsset), "not tradable"),
        (buy("1"), asset(|a| a.active = false), Some(Rule::TradableAsset), "inactive"),
        (buy("1.5"), asset(|a| a.fractionable = false), Some(Rule::Fractionable), "a fraction"),
        (money, asset(|a| a.fractionable = false), Some(Rule::Fractionable), "money"),
        (buy("2.0"), asset(|a| a.fractionable = false), None, "whole shares"),
    ]);
}

#[test]
fn outside_regular_hours_an_order_trades_waits_or_is_refused() {
    let at = |session: Session, queue: bool| {
        with(|v| {
            v.market = Some(Market { is_open: session == Session::Regular, session });
            v.limits.queue_outside_hours = queue;
        })
    };
    let extended = || OrderRequest { extended_hours: true, ..limit_buy("1", "100") };
    let ioc = || OrderRequest { time_in_force: TimeInForce::Ioc, ..limit_buy("1", "100") };
    let tuesday = DateTime::UNIX_EPOCH + TimeDelta::days(19_738) + TimeDelta::hours(15);
    let open_by_calendar = Market { is_open: true, session: Session::Regular };
    assert_eq!(Market::by_calendar(tuesday), open_by_calendar);
    let halted = RiskView {
        market: Some(Market { is_open: false, session: Session::Regular }),
        ..at(Session::Regular, false)
    };
    expect(&[
        (buy("1"), at(Session::Regular, false), None, "open"),
        (buy("1"), at(Session::PreMarket, false), Some(Rule::MarketHours), "before the open"),
        (buy("1"), at(Session::PreMarket, true), None, "waits for it"),
        (extended(), at(Session::PreMarket, false), None, "extended, before"),
        (extended(), at(Session::AfterHours, false), None, "extended, after"),
        (extended(), at(Session::Closed, false), Some(Rule::MarketHours), "extended, at night"),
        (ioc(), at(Session::AfterHours, true), Some(Rule::MarketHours), "immediate can't wait"),
        (buy("1"), halted, Some(Rule::MarketHours), "closed against the calendar"),
    ]);
}

#[test]
fn an_opposite_order_that_could_meet_is_a_wash_trade() {
    let resting = |limit: Option<&str>| {
        with(|v| {
            v.open_orders =
                vec![OpenOrder { limit_price: limit.map(d), ..open("AAPL", Side::Sell, "1", false) }];
        })
    };
    let other = with(|v| v.open_orders = vec![open("MSFT", Side::Sell, "1", false)]);
    expect(&[
        (buy("1"), resting(Some("110")), Some(Rule::WashTrade), "a market order meets any"),
        (limit_buy("1", "99"), resting(None), Some(Rule::WashTrade), "a market order rests"),
        (limit_buy("1", "100"), resting(Some("100")), Some(Rule::WashTrade), "limits that meet"),
        (limit_buy("1", "99.99"), resting(Some("100")), None, "limits that don't"),
        (buy("1"), other, None, "another symbol"),
    ]);
}

#[test]
fn a_limit_may_lie_only_so_far_on_the_losing_side() {
    let short = |price: &str| OrderRequest::limit("AAPL", Side::Sell, units("1"), d(price));
    let shorts = || with(|v| v.limits.allow_short = true);
    let stop_limit = |stop: &str, limit: &str| OrderRequest {
        order_type: OrderType::StopLimit,
        stop_price: Some(d(stop)),
        ..limit_buy("1", limit)
    };
    expect(&[
        (limit_buy("1", "110"), view(), None, "10 % above"),
        (limit_buy("1", "110.01"), view(), Some(Rule::PriceCollar), "more"),
        (limit_buy("1", "1"), view(), None, "a patient buy"),
        (short("90"), shorts(), None, "10 % below"),
        (short("89.99"), shorts(), Some(Rule::PriceCollar), "more"),
        (short("500"), shorts(), None, "a patient sale"),
        (short("1"), holding_view("1"), None, "exit"),
        (stop_limit("150", "165"), view(), None, "10 % above the stop price"),
        (stop_limit("150", "165.01"), view(), Some(Rule::PriceCollar), "more"),
        (limit_buy("1", "500"), with(|v| v.limits.price_collar_percent = None), None, "switched off"),
    ]);
}
