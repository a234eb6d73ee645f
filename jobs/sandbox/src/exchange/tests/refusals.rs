//! What is refused, with which numbers and words.

use serde_json::{Value, json};

use crate::exchange::stub::{Desk, limit_order, market_order, with};
use crate::exchange::{OrderId, Settings};

#[test]
fn a_body_that_is_wrong_in_itself_is_refused_by_field() {
    let market = market_order("buy", "1");
    let cases = [
        (json!({ "symbol": null }), 40_010_001, "symbol is required"),
        (json!({ "side": "hold" }), 40_010_001, "invalid side: hold"),
        (json!({ "side": null }), 40_010_001, "side is required"),
        (json!({ "type": "iceberg" }), 40_010_001, "invalid type: iceberg"),
        (json!({ "time_in_force": null }), 40_010_001, "time_in_force is required"),
        (json!({ "qty": null }), 40_010_001, "qty or notional is required"),
        (json!({ "notional": 10 }), 40_010_001, "only one of qty or notional is accepted"),
        (json!({ "qty": "-1" }), 40_010_001, "qty must be > 0"),
        (json!({ "qty": "many" }), 40_010_001, "qty must be a number, not many"),
        (json!({ "qty": "0.0000000001" }), 40_010_001, "qty must have at most 9 decimal places"),
        (json!({ "limit_price": "1" }), 40_010_001, "market orders must not have a limit price"),
        (json!({ "type": "limit" }), 40_010_001, "limit orders require a limit price"),
        (json!({ "type": "stop" }), 40_010_001, "stop orders require a stop price"),
        (
            json!({ "type": "trailing_stop" }),
            40_010_001,
            "trailing stop orders must specify one of trail_price or trail_percent",
        ),
        (
            json!({ "type": "limit", "limit_price": "290.123" }),
            42_210_000,
            "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria",
        ),
        (json!({ "qty": "0.5", "time_in_force": "gtc" }), 42_210_000, "fractional orders must be DAY orders"),
        (
            json!({ "extended_hours": true }),
            42_210_000,
            "extended hours order must be DAY or GTC limit orders",
        ),
        (
            json!({ "order_class": "bracket" }),
            40_010_001,
            "bracket orders require take_profit.limit_price and stop_loss.stop_price",
        ),
        (json!({ "symbol": "ZZZ" }), 42_210_000, "asset \"ZZZ\" not found"),
        (
            json!({ "client_order_id": "x".repeat(129) }),
            40_010_001,
            "client_order_id must be no more than 128 characters",
        ),
    ];
    for (change, code, message) in cases {
        let mut desk = Desk::open();
        let refusal = desk.refuse(&with(market.clone(), &change));
        assert_eq!(
            (refusal.status, refusal.code, refusal.message.as_str()),
            (422, code, message),
            "{change}"
        );
        assert!(desk.exchange.book().orders.is_empty());
    }
    assert_eq!(Desk::open().refuse(&Value::Null).code, 40_010_000);
}

#[test]
fn a_client_order_id_is_unique_for_ever() {
    let mut desk = Desk::open();
    let order = with(market_order("buy", "1"), &json!({ "client_order_id": "job-1" }));
    desk.trade(&order);
    let refusal = desk.refuse(&order);
    assert_eq!((refusal.status, refusal.code), (422, 40_010_001));
    assert_eq!(refusal.message, "client_order_id must be unique");
    // Even when the repeated request would be refused for another reason by now.
    let dear = with(order, &json!({ "qty": "100000" }));
    assert_eq!(desk.refuse(&dear).message, "client_order_id must be unique");
    let ledger = crate::ledger::ledger(&desk.exchange);
    assert_eq!(ledger["orders"][0]["posts"], 3);
    assert_eq!(
        (&ledger["posts"], &ledger["accepted"], &ledger["duplicates"]),
        (&json!(3), &json!(1), &json!(2))
    );
}

#[test]
fn the_buying_power_is_never_exceeded() {
    let mut desk = Desk::open();
    let refusal = desk.refuse(&limit_order("buy", "2001", "100"));
    assert_eq!(
        refusal.body_value(),
        json!({
            "code": 40_310_000, "message": "insufficient buying power",
            "buying_power": "200000", "cost_basis": "200100",
        })
    );
    desk.place(&limit_order("buy", "1500", "100"));
    assert_eq!(desk.refuse(&limit_order("buy", "501", "100")).extra["buying_power"], "50000");
    desk.place(&limit_order("buy", "500", "100"));
}

#[test]
fn no_share_is_sold_twice() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "16"));
    let resting = desk.place(&limit_order("sell", "16", "120"));
    let refusal = desk.refuse(&limit_order("sell", "16", "121"));
    assert_eq!(refusal.status, 403);
    assert_eq!(refusal.message, "insufficient qty available for order (requested: 16, available: 0)");
    assert_eq!(refusal.extra["existing_qty"], "16");
    assert_eq!(refusal.extra["held_for_orders"], "16");
    assert_eq!(refusal.extra["related_orders"], json!([resting["id"]]));
}

#[test]
fn opposite_orders_that_could_meet_are_refused() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "10"));
    let resting = desk.place(&limit_order("sell", "10", "120"));
    let refusal = desk.refuse(&market_order("buy", "1"));
    assert_eq!(refusal.message, "potential wash trade detected. use complex orders");
    assert_eq!(refusal.extra["existing_order_id"], resting["id"]);
    assert_eq!(desk.refuse(&limit_order("buy", "1", "120")).code, 40_310_000);
    desk.place(&limit_order("buy", "1", "119.99"));
}

#[test]
fn a_stop_beyond_the_price_is_refused() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "10"));
    let stop = |side: &str, price: &str| {
        with(market_order(side, "1"), &json!({ "type": "stop", "stop_price": price }))
    };
    let refusal = desk.refuse(&stop("sell", "100"));
    assert_eq!(
        refusal.body_value(),
        json!({
            "code": 42_210_000, "message": "stop price must be less than current price",
            "market_price": "100", "stop_price": "100",
        })
    );
    assert_eq!(desk.refuse(&stop("buy", "99")).code, 42_210_000);
    desk.place(&stop("sell", "99.99"));
}

#[test]
fn short_sales_need_the_account_and_the_asset() {
    let mut desk = Desk::open();
    assert_eq!(desk.refuse(&with(market_order("sell", "1"), &json!({ "symbol": "ODD" }))).code, 42_210_000);
    assert_eq!(desk.refuse(&market_order("sell", "0.5")).code, 42_210_000);
    let cash = Settings { multiplier: 1, partial_fill_probability: 0.0, ..Settings::default() };
    let mut desk = Desk::with(cash);
    let refusal = desk.refuse(&market_order("sell", "1"));
    assert_eq!((refusal.status, refusal.message.as_str()), (403, "account is not allowed to short"));
}

#[test]
fn a_flip_in_one_order_is_refused() {
    let mut desk = Desk::open();
    desk.trade(&market_order("buy", "10"));
    assert_eq!(desk.refuse(&market_order("sell", "11")).extra["available"], "10");
}

#[test]
fn a_fourth_day_trade_on_a_small_account_is_denied() {
    let settings =
        Settings { starting_cash: 20_000.into(), partial_fill_probability: 0.0, ..Settings::default() };
    let mut desk = Desk::with(settings);
    for _ in 0..3 {
        desk.trade(&market_order("buy", "1"));
        desk.trade(&market_order("sell", "1"));
    }
    assert_eq!(desk.exchange.account(&desk.market)["daytrade_count"], 3);
    desk.trade(&market_order("buy", "1"));
    let refusal = desk.refuse(&market_order("sell", "1"));
    assert_eq!((refusal.status, refusal.code), (403, 40_310_100));
    // On the next day it is no day trade.
    desk.market.set("2026-03-03T15:00:00Z");
    desk.tick();
    desk.place(&market_order("sell", "1"));
}

#[test]
fn a_user_can_switch_new_orders_off() {
    let mut desk = Desk::open();
    let answer = desk.exchange.configure(&json!({ "suspend_trade": true })).expect("a known switch");
    assert_eq!(answer["suspend_trade"], true);
    let refusal = desk.refuse(&market_order("buy", "1"));
    assert_eq!((refusal.status, refusal.message.as_str()), (403, "new orders are rejected by user request"));
    assert!(desk.exchange.configure(&json!({ "suspend_trade": "yes" })).is_err());
    assert!(desk.exchange.configure(&json!({ "colour": "red" })).is_err());
}

#[test]
fn a_finished_or_unknown_order_can_be_neither_canceled_nor_replaced() {
    let mut desk = Desk::open();
    let order = desk.trade(&market_order("buy", "1"));
    let id = crate::exchange::stub::id(&order);
    let refusal = desk.exchange.cancel(&desk.market, id).expect_err("filled");
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (42_210_000, "order is already in \"filled\" state")
    );
    let replaced = desk.exchange.replace(&desk.market, id, &json!({ "qty": "2" }));
    assert_eq!(replaced.expect_err("filled").code, 42_210_000);
    let unknown = OrderId(uuid::Uuid::nil());
    let refusal = desk.exchange.cancel(&desk.market, unknown).expect_err("unknown");
    assert_eq!((refusal.status, refusal.code), (404, 40_410_000));
    assert_eq!(refusal.message, format!("order not found for {}", unknown.0));
}
