//! Cash, positions, equity, lists and history.

use serde_json::{Value, json};

use crate::exchange::stub::{Desk, dec, limit_order, market_order, time, with};
use crate::exchange::{ActivityQuery, HistoryQuery, OrderQuery, Portion, Settings, StatusFilter};

fn account(desk: &Desk) -> Value {
    desk.exchange.account(&desk.market)
}

#[test]
fn a_fresh_account_has_its_cash_twice_over() {
    let account = account(&Desk::open());
    for (key, value) in [
        ("cash", "100000"),
        ("equity", "100000"),
        ("last_equity", "100000"),
        ("portfolio_value", "100000"),
        ("buying_power", "200000"),
        ("regt_buying_power", "200000"),
        ("non_marginable_buying_power", "100000"),
        ("multiplier", "2"),
        ("status", "ACTIVE"),
        ("currency", "USD"),
        ("long_market_value", "0"),
    ] {
        assert_eq!(account[key], value, "{key}");
    }
    assert!(account["account_number"].as_str().is_some_and(|number| number.starts_with("PA")));
    assert_eq!(account["pattern_day_trader"], false);
}

#[test]
fn the_multiplier_decides_the_buying_power() {
    for (multiplier, expected) in [(1, "100000"), (2, "200000"), (4, "400000")] {
        let desk = Desk::with(Settings { multiplier, ..Settings::default() });
        assert_eq!(account(&desk)["buying_power"], expected);
    }
}

#[test]
fn open_orders_and_positions_bind_buying_power() {
    let mut desk = Desk::open();
    let order = desk.trade(&limit_order("buy", "100", "90"));
    assert_eq!(account(&desk)["buying_power"], "191000");
    desk.exchange.cancel(&desk.market, crate::exchange::stub::id(&order)).expect("open");
    assert_eq!(account(&desk)["buying_power"], "200000");
    desk.trade(&market_order("buy", "100"));
    let account = account(&desk);
    assert_eq!((&account["cash"], &account["equity"]), (&json!("89999"), &json!("99999")));
    assert_eq!(
        (&account["initial_margin"], &account["maintenance_margin"]),
        (&json!("5000"), &json!("3000"))
    );
    assert_eq!(account["buying_power"], "189998");
}

#[test]
fn a_short_position_has_negative_shares_and_value() {
    let mut desk = Desk::open();
    let order = desk.trade(&market_order("sell", "10"));
    assert_eq!(order["position_intent"], "sell_to_open");
    desk.market.price("AAPL", "90");
    let position = desk.exchange.position(&desk.market, "AAPL").expect("held");
    for (key, value) in [
        ("qty", "-10"),
        ("side", "short"),
        ("avg_entry_price", "99.99"),
        ("market_value", "-900"),
        ("cost_basis", "-999.9"),
        ("unrealized_pl", "99.9"),
        ("qty_available", "-10"),
    ] {
        assert_eq!(position[key], value, "{key}");
    }
    let account = account(&desk);
    assert_eq!((&account["cash"], &account["short_market_value"]), (&json!("100999.9"), &json!("-900")));
    assert_eq!(account["equity"], "100099.9");
    desk.trade(&market_order("buy", "10"));
    assert!(desk.exchange.book().positions.is_empty());
}

#[test]
fn positions_average_their_buys_and_keep_the_average_when_sold() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "10"));
    desk.market.price("AAPL", "110");
    desk.trade(&market_order("buy", "10"));
    desk.trade(&market_order("sell", "5"));
    let position = desk.exchange.position(&desk.market, "AAPL").expect("held");
    for (key, value) in [
        ("qty", "15"),
        ("avg_entry_price", "105.01"),
        ("market_value", "1650"),
        ("cost_basis", "1575.15"),
        ("unrealized_pl", "74.85"),
        ("current_price", "110"),
        ("lastday_price", "95"),
    ] {
        assert_eq!(position[key], value, "{key}");
    }
}

#[test]
fn a_notional_order_buys_a_fraction() {
    let mut desk = Desk::open();
    let order = with(market_order("buy", "1"), &json!({ "qty": null, "notional": 1000 }));
    let order = desk.trade(&order);
    assert_eq!((&order["qty"], &order["notional"]), (&Value::Null, &json!("1000")));
    assert_eq!((&order["status"], &order["filled_qty"]), (&json!("filled"), &json!("9.999000099")));
    let odd = with(market_order("buy", "0.5"), &json!({ "symbol": "ODD" }));
    assert_eq!(desk.refuse(&odd).status, 403);
}

#[test]
fn positions_are_closed_in_part_or_whole() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "10"));
    let close = |desk: &mut Desk, portion: Portion| {
        let order = desk.exchange.close_position(&desk.market, "AAPL", portion);
        desk.tick();
        order.map(|order| order["qty"].clone())
    };
    assert_eq!(close(&mut desk, Portion::Percentage(dec("50"))), Ok(json!("5")));
    assert_eq!(close(&mut desk, Portion::Qty(dec("2"))), Ok(json!("2")));
    desk.trade(&limit_order("sell", "3", "150"));
    assert_eq!(close(&mut desk, Portion::All).expect_err("held").status, 403);
    let refused = desk.exchange.close_all_positions(&desk.market, false).expect("written");
    assert_eq!((&refused[0]["status"], &refused[0]["body"]["code"]), (&json!(403), &json!(40_310_000)));
    let closed = desk.exchange.close_all_positions(&desk.market, true).expect("written");
    assert_eq!((&closed[0]["symbol"], &closed[0]["status"]), (&json!("AAPL"), &json!(200)));
    desk.tick();
    let refusal = close(&mut desk, Portion::All).expect_err("closed");
    assert_eq!((refusal.status, refusal.message.as_str()), (404, "position does not exist"));
}

#[test]
fn lists_are_filtered_and_ordered() {
    let mut desk = Desk::open();
    let filled = desk.trade(&market_order("buy", "1"));
    let resting = desk.trade(&limit_order("buy", "1", "90"));
    let other = desk.trade(&with(limit_order("buy", "1", "90"), &json!({ "symbol": "MSFT" })));
    let ids = |query: OrderQuery| -> Vec<Value> {
        let all = desk.exchange.orders(&query);
        all.as_array().into_iter().flatten().map(|order| order["id"].clone()).collect()
    };
    let all = OrderQuery { status: StatusFilter::All, ..OrderQuery::default() };
    let id = |order: &Value| order["id"].clone();
    assert_eq!(ids(OrderQuery::default()), [id(&other), id(&resting)]);
    assert_eq!(ids(OrderQuery { status: StatusFilter::Closed, ..all.clone() }), [id(&filled)]);
    assert_eq!(ids(OrderQuery { ascending: true, limit: 2, ..all.clone() }), [id(&filled), id(&resting)]);
    assert_eq!(ids(OrderQuery { symbols: vec!["MSFT".to_owned()], ..all.clone() }), [id(&other)]);
    let after = Some(time(resting["submitted_at"].as_str().expect("text")));
    assert_eq!(ids(OrderQuery { after, ..all.clone() }), [id(&other)]);
    assert_eq!(ids(OrderQuery { until: after, ..all }), [id(&filled)]);
}

#[test]
fn executions_are_activities() {
    let mut desk = Desk::open();
    let order = desk.trade(&market_order("buy", "10"));
    desk.trade(&market_order("sell", "4"));
    let query = ActivityQuery { page_size: 100, ..ActivityQuery::default() };
    let all = desk.exchange.activities(&query);
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let first = &all[1];
    for (key, value) in [
        ("activity_type", json!("FILL")),
        ("type", json!("fill")),
        ("price", json!("100.01")),
        ("qty", json!("10")),
        ("cum_qty", json!("10")),
        ("leaves_qty", json!("0")),
        ("side", json!("buy")),
        ("symbol", json!("AAPL")),
        ("order_id", order["id"].clone()),
        ("order_status", json!("filled")),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    let token = all[0]["id"].as_str().map(str::to_owned);
    let page = desk.exchange.activities(&ActivityQuery { page_token: token, ..query.clone() });
    assert_eq!(page, json!([first]));
    let dividends = ActivityQuery { types: vec!["DIV".to_owned()], ..query };
    assert_eq!(desk.exchange.activities(&dividends), json!([]));
}

#[test]
fn the_history_follows_the_executions() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "100"));
    desk.market.set("2026-03-04T20:00:00Z");
    desk.market.price("AAPL", "110");
    desk.tick();
    let query = HistoryQuery {
        period: "1M".to_owned(),
        timeframe: "1D".to_owned(),
        start: Some(time("2026-03-01T00:00:00Z")),
        end: None,
    };
    let history = desk.exchange.portfolio_history(&desk.market, &query).expect("a known timeframe");
    assert_eq!(history["equity"], json!([100_999.0, 100_999.0, 100_999.0]));
    assert_eq!(history["profit_loss"], json!([999.0, 999.0, 999.0]));
    assert_eq!(history["base_value"], 100_000.0);
    let bad = HistoryQuery { timeframe: "7Min".to_owned(), ..query };
    assert_eq!(desk.exchange.portfolio_history(&desk.market, &bad).expect_err("unknown").code, 40_010_001);
    assert_eq!(account(&desk)["last_equity"], "100999");
}
