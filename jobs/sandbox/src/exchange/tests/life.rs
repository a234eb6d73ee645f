//! The life of an order: sessions, times in force, partial fills, replacement.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::exchange::Settings;
use crate::exchange::stub::{Desk, dec, id, limit_order, market_order, with};

#[test]
fn a_market_order_is_taken_then_worked_then_filled() {
    let mut desk = Desk::open();
    let order = desk.place(&market_order("buy", "10"));
    assert_eq!((&order["status"], &order["filled_qty"]), (&json!("pending_new"), &json!("0")));
    assert!(desk.events().is_empty());
    desk.tick();
    let order = desk.order(&order);
    assert_eq!((&order["status"], &order["filled_avg_price"]), (&json!("filled"), &json!("100.01")));
    assert_eq!(desk.events(), ["new", "fill"]);
}

#[test]
fn every_documented_key_of_an_order_is_there_even_when_null() {
    let order = Desk::open().place(&limit_order("buy", "10", "90.50"));
    for key in [
        "notional",
        "filled_at",
        "expired_at",
        "canceled_at",
        "failed_at",
        "replaced_at",
        "replaced_by",
        "replaces",
        "filled_avg_price",
        "stop_price",
        "legs",
        "trail_percent",
        "trail_price",
        "hwm",
        "subtag",
        "source",
    ] {
        assert_eq!(order.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!((&order["order_class"], &order["qty"]), (&json!(""), &json!("10")));
    assert_eq!((&order["type"], &order["order_type"]), (&json!("limit"), &json!("limit")));
    assert_eq!(order["limit_price"], "90.5");
    assert_eq!(order["created_at"], order["submitted_at"]);
    assert_eq!(order["position_intent"], "buy_to_open");
    assert_eq!(order["expires_at"], "2026-03-02T21:00:00Z");
}

#[test]
fn outside_hours_an_order_waits_for_the_open() {
    let mut desk = Desk::open();
    desk.market.set("2026-03-02T22:00:00Z");
    let order = desk.trade(&market_order("buy", "1"));
    assert_eq!(order["status"], "accepted");
    assert_eq!(desk.events(), ["accepted"]);
    // One step to the afternoon: the order was worked at the open in between.
    desk.market.set("2026-03-03T18:00:00Z");
    desk.tick();
    let order = desk.order(&order);
    assert_eq!((&order["status"], &order["filled_at"]), (&json!("filled"), &json!("2026-03-03T14:30:00Z")));
}

#[test]
fn an_extended_hours_order_fills_before_the_open() {
    let mut desk = Desk::open();
    desk.market.set("2026-03-02T13:00:00Z");
    let order = with(limit_order("buy", "1", "101"), &json!({ "extended_hours": true }));
    assert_eq!(desk.trade(&order)["status"], "filled");
    assert_eq!(desk.trade(&limit_order("buy", "1", "101"))["status"], "accepted");
}

#[test]
fn times_in_force_end_orders() {
    let unfillable = limit_order("buy", "10", "50");
    let cases = [
        ("day", "2026-03-02T21:00:00Z", "expired"),
        ("gtc", "2026-06-01T21:00:00Z", "expired"),
        ("ioc", "2026-03-02T14:40:00Z", "canceled"),
        ("fok", "2026-03-02T14:40:00Z", "canceled"),
        ("cls", "2026-03-02T21:00:00Z", "canceled"),
    ];
    for (tif, end, status) in cases {
        let mut desk = Desk::open();
        let order = desk.place(&with(unfillable.clone(), &json!({ "time_in_force": tif })));
        desk.tick();
        desk.market.set(end);
        desk.tick();
        let order = desk.order(&order);
        assert_eq!(order["status"], status, "{tif}");
        assert_eq!(order[format!("{status}_at")], json!(end), "{tif}");
        assert_eq!(desk.events().last(), Some(&status), "{tif}");
    }
}

#[test]
fn auction_orders_fill_at_their_auction() {
    let mut desk = Desk::open();
    let close = desk.trade(&with(market_order("buy", "1"), &json!({ "time_in_force": "cls" })));
    assert_eq!(close["status"], "new");
    let open = with(market_order("buy", "1"), &json!({ "time_in_force": "opg" }));
    assert_eq!(desk.refuse(&open).code, 42_210_000);
    desk.market.set("2026-03-02T21:00:01Z");
    desk.tick();
    let close = desk.order(&close);
    assert_eq!((&close["status"], &close["filled_avg_price"]), (&json!("filled"), &json!("100")));
    let open = desk.place(&open);
    desk.market.set("2026-03-03T14:31:00Z");
    desk.tick();
    assert_eq!(desk.order(&open)["filled_at"], "2026-03-03T14:30:00Z");
}

#[test]
fn a_partial_fill_comes_first_and_the_rest_with_the_next_tick() {
    let settings = Settings { partial_fill_probability: 1.0, ..Settings::default() };
    let mut desk = Desk::with(settings.clone());
    let order = desk.trade(&market_order("buy", "100"));
    let part = dec(order["filled_qty"].as_str().expect("text"));
    assert!(part >= dec("1") && part < dec("100"));
    assert_eq!(order["status"], "partially_filled");
    desk.tick();
    assert_eq!(desk.order(&order)["status"], "filled");
    assert_eq!(desk.events(), ["new", "partial_fill", "fill"]);
    // The same seed gives the same part; a fill-or-kill order has none.
    assert_eq!(
        Desk::with(settings.clone()).trade(&market_order("buy", "100"))["filled_qty"],
        order["filled_qty"]
    );
    let whole = with(market_order("buy", "100"), &json!({ "time_in_force": "fok" }));
    assert_eq!(Desk::with(settings.clone()).trade(&whole)["status"], "filled");
    let rest = with(market_order("buy", "100"), &json!({ "time_in_force": "ioc" }));
    let order = Desk::with(settings).trade(&rest);
    assert_eq!((&order["status"], &order["filled_qty"]), (&json!("canceled"), &json!(part.to_string())));
    assert_eq!(order["filled_avg_price"], "100.01");
}

#[test]
fn a_fill_waits_for_its_delay() {
    let settings = Settings { fill_delay: TimeDelta::seconds(5), ..Settings::default() };
    let mut desk = Desk::with(settings);
    let order = desk.trade(&market_order("buy", "1"));
    assert_eq!(order["status"], "new");
    desk.market.pass(TimeDelta::seconds(5));
    desk.tick();
    assert_eq!(desk.order(&order)["status"], "filled");
}

#[test]
fn an_order_can_be_filled_within_its_own_request() {
    let settings =
        Settings { fill_at_acceptance: true, partial_fill_probability: 0.0, ..Settings::default() };
    let mut desk = Desk::with(settings);
    let order = desk.place(&market_order("buy", "1"));
    assert_eq!(order["status"], "pending_new");
    assert_eq!(desk.order(&order)["status"], "filled");
}

#[test]
fn a_replacement_is_a_new_order_for_the_rest() {
    let mut desk = Desk::open();
    let old = desk.place(&limit_order("buy", "10", "90"));
    let early = desk.exchange.replace(&desk.market, id(&old), &json!({ "qty": 5 }));
    assert_eq!(early.expect_err("not worked yet").code, 42_210_000);
    desk.tick();
    let new = desk
        .exchange
        .replace(&desk.market, id(&old), &json!({ "qty": "4", "limit_price": 101 }))
        .expect("replaced");
    let old = desk.order(&old);
    assert_eq!((&old["status"], &old["replaced_by"]), (&json!("replaced"), &new["id"]));
    assert_eq!((&new["replaces"], &new["qty"]), (&old["id"], &json!("4")));
    desk.tick();
    assert_eq!(desk.order(&new)["status"], "filled");
    assert_eq!(desk.events(), ["new", "replaced", "new", "fill"]);
    let dear = desk.exchange.replace(&desk.market, id(&new), &json!({ "qty": "4" }));
    assert_eq!(dear.expect_err("filled").message, "order is already in \"filled\" state");
}

#[test]
fn a_replacement_cannot_exceed_the_buying_power() {
    let mut desk = Desk::open();
    let order = desk.trade(&limit_order("buy", "1000", "90"));
    let refusal = desk.exchange.replace(&desk.market, id(&order), &json!({ "qty": "3000" }));
    assert_eq!(refusal.expect_err("too dear").message, "insufficient buying power");
    assert_eq!(desk.order(&order)["status"], "new");
}

#[test]
fn a_waiting_cancellation_may_lose_against_a_fill() {
    let settings = Settings { cancels_wait: true, partial_fill_probability: 0.0, ..Settings::default() };
    let mut desk = Desk::with(settings);
    let order = desk.trade(&limit_order("buy", "1", "90"));
    desk.exchange.cancel(&desk.market, id(&order)).expect("taken");
    let twice = desk.exchange.cancel(&desk.market, id(&order)).expect_err("taken already");
    assert_eq!(twice.message, "order pending cancel");
    desk.market.price("AAPL", "80");
    desk.tick();
    assert_eq!(desk.order(&order)["status"], "filled");
}

#[test]
fn all_orders_are_canceled_with_one_answer_each() {
    let mut desk = Desk::open();
    let first = desk.trade(&limit_order("buy", "1", "90"));
    let second = desk.trade(&limit_order("buy", "1", "91"));
    let answers = desk.exchange.cancel_all(&desk.market).expect("written");
    assert_eq!(
        answers,
        json!([
            { "id": first["id"], "status": 200 }, { "id": second["id"], "status": 200 },
        ])
    );
    assert_eq!(desk.order(&first)["status"], "canceled");
}

#[test]
fn a_trailing_stop_sells_after_the_turn() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "1"));
    let stop = with(market_order("sell", "1"), &json!({ "type": "trailing_stop", "trail_price": "5" }));
    let stop = desk.trade(&stop);
    assert_eq!((&stop["hwm"], &stop["stop_price"]), (&json!("100"), &json!("95")));
    for (price, status) in [("110", "new"), ("106", "new"), ("105", "filled")] {
        desk.market.price("AAPL", price);
        desk.tick();
        assert_eq!(desk.order(&stop)["status"], status, "at {price}");
    }
    assert_eq!(desk.order(&stop)["filled_avg_price"], "104.99");
}
