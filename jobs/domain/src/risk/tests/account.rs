//! Loss, free shares, short sales, buying power, day trades.

use super::*;

#[test]
fn entries_stop_at_the_daily_loss() {
    let at = |equity: &str| with(|v| account_of(v).equity = d(equity));
    expect(&[
        (buy("1"), at("95000.01"), None, "just under 5 %"),
        (buy("1"), at("95000"), Some(Rule::DailyLoss), "5 %"),
        (sell("1"), RiskView { positions: holding_view("1").positions, ..at("10000") }, None, "exit"),
    ]);
}

#[test]
fn no_more_is_sold_than_is_free() {
    let taken = RiskView { open_orders: vec![open("AAPL", Side::Sell, "6", true)], ..holding_view("10") };
    let short = || {
        let mut view = holding_view("-10");
        view.limits.allow_short = true;
        view
    };
    let oco = OrderRequest {
        class: crate::order::OrderClass::Oco,
        take_profit: Some(d("110")),
        stop_loss: Some(StopLoss { stop_price: d("90"), limit_price: None }),
        ..OrderRequest::limit("AAPL", Side::Sell, units("10"), d("110"))
    };
    expect(&[
        (sell("10"), holding_view("10"), None, "all of it"),
        (sell("10.000000001"), holding_view("10"), Some(Rule::PositionQuantity), "a little more"),
        (sell("4"), taken.clone(), None, "what is free"),
        (sell("5"), taken, Some(Rule::PositionQuantity), "what another order has"),
        (buy("10"), short(), None, "covers"),
        (buy("11"), short(), Some(Rule::PositionQuantity), "covers more"),
        (oco.clone(), holding_view("10"), None, "an oco ends a position"),
        (oco, view(), Some(Rule::PositionQuantity), "an oco of nothing"),
    ]);
    let verdict = check(&sell("16"), Stage::Sending, &holding_view("10"));
    let refusal = verdict.refusal().expect("too much is sold");
    assert_eq!((refusal.limit, refusal.actual), (Some(d("10")), Some(d("16"))));
}

#[test]
fn short_sales_need_leave_of_user_broker_and_asset() {
    let shorts = |change: fn(&mut RiskView)| {
        with(|v| {
            v.limits.allow_short = true;
            change(v);
        })
    };
    expect(&[
        (sell("1"), view(), Some(Rule::ShortSale), "off by default"),
        (sell("1"), shorts(|_| {}), None, "allowed"),
        (sell("1.5"), shorts(|_| {}), Some(Rule::ShortSale), "a fraction"),
        (
            sell("1"),
            shorts(|v| account_of(v).shorting_enabled = false),
            Some(Rule::ShortSale),
            "not by the broker",
        ),
        (
            sell("1"),
            shorts(|v| v.asset.as_mut().expect("an asset").shortable = false),
            Some(Rule::ShortSale),
            "not of this",
        ),
    ]);
}

#[test]
fn buying_power_covers_the_order_and_those_on_their_way() {
    let power = |power: &str| with(|v| account_of(v).buying_power = d(power));
    let with_open = |at_broker: bool| {
        let mut view = power("2000");
        view.open_orders = vec![OpenOrder { at_broker, ..open("MSFT", Side::Buy, "15", false) }];
        view
    };
    expect(&[
        (limit_buy("10", "100"), power("1000"), None, "just enough"),
        (limit_buy("10", "100"), power("999.99"), Some(Rule::BuyingPower), "a cent short"),
        (buy("10"), power("1039.99"), Some(Rule::BuyingPower), "a market buy may cost 4 % more"),
        (limit_buy("10", "100"), with_open(false), Some(Rule::BuyingPower), "one on its way"),
        (limit_buy("10", "100"), with_open(true), None, "one that the broker counts"),
        (sell("10"), RiskView { positions: holding_view("10").positions, ..power("0") }, None, "exit"),
    ]);
}

#[test]
fn the_fourth_day_trade_needs_25_000_dollars() {
    let at = |equity: &str, count: u32| {
        with(|v| {
            account_of(v).equity = d(equity);
            account_of(v).last_equity = d(equity);
            account_of(v).daytrade_count = count;
        })
    };
    expect(&[
        (buy("1"), at("24999.99", 3), Some(Rule::Pdt), "three made"),
        (buy("1"), at("24999.99", 2), None, "two made"),
        (buy("1"), at("25000", 3), None, "enough equity"),
        (sell("1"), RiskView { positions: holding_view("1").positions, ..at("5000", 3) }, None, "exit"),
    ]);
}
