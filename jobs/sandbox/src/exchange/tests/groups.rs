//! Brackets and their kin.

use serde_json::{Value, json};

use crate::exchange::stub::{Desk, id, limit_order, market_order, with};
use crate::exchange::{Portion, Settings};

fn bracket() -> Value {
    with(
        limit_order("buy", "10", "100.01"),
        &json!({
            "order_class": "bracket", "time_in_force": "gtc",
            "take_profit": { "limit_price": 110 }, "stop_loss": { "stop_price": "95", "limit_price": 94 },
        }),
    )
}

fn statuses(order: &Value) -> Vec<&str> {
    let legs = order["legs"].as_array().into_iter().flatten();
    std::iter::once(order).chain(legs).filter_map(|order| order["status"].as_str()).collect()
}

#[test]
fn the_legs_wait_for_the_entry_and_one_cancels_the_other() {
    let mut desk = Desk::open();
    let order = desk.place(&bracket());
    assert_eq!(statuses(&order), ["pending_new", "held", "held"]);
    assert_eq!(order["legs"][0]["type"], "limit");
    assert_eq!(order["legs"][1]["type"], "stop_limit");
    assert_eq!(order["legs"][1]["side"], "sell");
    desk.tick();
    assert_eq!(statuses(&desk.order(&order)), ["filled", "new", "new"]);
    let position = desk.exchange.position(&desk.market, "AAPL").expect("held");
    assert_eq!((&position["qty"], &position["qty_available"]), (&json!("10"), &json!("0")));
    desk.market.price("AAPL", "111");
    desk.tick();
    assert_eq!(statuses(&desk.order(&order)), ["filled", "filled", "canceled"]);
    assert!(desk.exchange.book().positions.is_empty());
}

#[test]
fn a_stop_loss_cancels_the_take_profit() {
    let mut desk = Desk::open();
    let order = desk.trade(&bracket());
    desk.market.price("AAPL", "94.50");
    desk.tick();
    assert_eq!(statuses(&desk.order(&order)), ["filled", "canceled", "filled"]);
}

#[test]
fn canceling_one_cancels_the_group() {
    let mut desk = Desk::open();
    let order = desk.place(&bracket());
    desk.exchange.cancel(&desk.market, id(&order["legs"][1])).expect("open");
    assert_eq!(statuses(&desk.order(&order)), ["canceled", "canceled", "canceled"]);
    let order = desk.trade(&bracket());
    desk.exchange.cancel(&desk.market, id(&order["legs"][0])).expect("open");
    assert_eq!(statuses(&desk.order(&order)), ["filled", "canceled", "canceled"]);
}

#[test]
fn an_oco_order_closes_once() {
    let mut desk = Desk::open();
    let oco = with(
        limit_order("sell", "10", "110"),
        &json!({
            "order_class": "oco", "take_profit": { "limit_price": "110" }, "stop_loss": { "stop_price": "95" },
        }),
    );
    assert_eq!(desk.refuse(&oco).message, "oco orders must be exit orders");
    desk.trade(&market_order("buy", "10"));
    let order = desk.trade(&oco);
    assert_eq!(statuses(&order), ["new", "new"]);
    desk.market.price("AAPL", "94");
    desk.tick();
    assert_eq!(statuses(&desk.order(&order)), ["canceled", "filled"]);
}

#[test]
fn an_oto_order_has_one_exit() {
    let mut desk = Desk::open();
    let oto = with(
        market_order("buy", "10"),
        &json!({
            "order_class": "oto", "stop_loss": { "stop_price": "95" },
        }),
    );
    let order = desk.trade(&oto);
    assert_eq!(statuses(&order), ["filled", "new"]);
    desk.exchange.cancel(&desk.market, id(&order["legs"][0])).expect("open");
    assert_eq!(statuses(&desk.order(&order)), ["filled", "canceled"]);
}

#[test]
fn exits_on_the_wrong_side_are_refused() {
    let cases = [
        (
            json!({ "take_profit": { "limit_price": 94 } }),
            "take_profit.limit_price must be > stop_loss.stop_price",
        ),
        (
            json!({ "take_profit": { "limit_price": 100 } }),
            "take_profit.limit_price must be >= base_price + 0.01",
        ),
        (
            json!({ "take_profit": { "limit_price": 120 }, "stop_loss": { "stop_price": 105 } }),
            "stop_loss.stop_price must be <= base_price - 0.01",
        ),
        (json!({ "time_in_force": "ioc" }), "complex orders must be DAY or GTC orders"),
    ];
    for (change, message) in cases {
        assert_eq!(Desk::open().refuse(&with(bracket(), &change)).message, message);
    }
}

#[test]
fn a_replaced_leg_keeps_its_place_in_the_group() {
    let mut desk = Desk::open();
    let order = desk.trade(&bracket());
    let leg = id(&order["legs"][0]);
    let new = desk.exchange.replace(&desk.market, leg, &json!({ "limit_price": "105" })).expect("open");
    assert_eq!(desk.order(&order)["legs"][0]["id"], new["id"]);
    desk.market.price("AAPL", "106");
    desk.tick();
    assert_eq!(statuses(&desk.order(&order)), ["filled", "filled", "canceled"]);
    assert!(desk.exchange.book().positions.is_empty());
}

#[test]
fn a_leg_never_sells_more_than_is_held() {
    let settings = Settings { partial_fill_probability: 1.0, ..Settings::default() };
    let mut desk = Desk::with(settings);
    let order = desk.trade(&bracket());
    assert_eq!(order["status"], "partially_filled");
    // The first part is sold by hand before the rest arrives.
    desk.exchange.close_position(&desk.market, "AAPL", Portion::All).expect("held");
    desk.tick();
    desk.tick();
    desk.market.price("AAPL", "111");
    desk.tick();
    desk.tick();
    assert!(desk.exchange.book().positions.is_empty());
    assert_eq!(statuses(&desk.order(&order)), ["filled", "canceled", "canceled"]);
}
