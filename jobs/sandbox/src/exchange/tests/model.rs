//! Whatever is asked for, money and shares are conserved.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::exchange::stub::{Desk, with};
use crate::exchange::{Exchange, Intent, Order, OrderId, Portion, Settings, Status};

/// One thing that happens to an exchange.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Place(Value),
    Replace(usize, Value),
    Cancel(usize),
    CancelAll,
    Close(Option<u32>),
    CloseAll(bool),
    Price(&'static str, Decimal),
    Pass(i64),
}

impl Step {
    /// Takes the step, and ticks. Refusals are fine; what they leave behind is what is tested.
    pub(super) fn take(&self, desk: &mut Desk) {
        let nth = |exchange: &Exchange, n: usize| -> Option<OrderId> {
            let orders = &exchange.book().orders;
            (!orders.is_empty()).then(|| orders[n % orders.len()].id)
        };
        let (exchange, market) = (&mut desk.exchange, &desk.market);
        match self {
            Self::Place(body) => {
                let before = exchange.figures(market, crate::exchange::Market::now(market));
                if exchange.place(market, body).is_ok() {
                    let after = exchange.figures(market, crate::exchange::Market::now(market));
                    let opened = after.reserved > before.reserved;
                    // The quotient of a notional order is exact to 27 places only.
                    let dust = Decimal::new(1, 9);
                    assert!(!opened || after.buying_power >= -dust, "{body}: {after:?}");
                }
            }
            Self::Replace(n, body) => {
                if let Some(id) = nth(exchange, *n) {
                    let _ = exchange.replace(market, id, body);
                }
            }
            Self::Cancel(n) => {
                if let Some(id) = nth(exchange, *n) {
                    let _ = exchange.cancel(market, id);
                }
            }
            Self::CancelAll => {
                exchange.cancel_all(market).expect("no journal to fail");
            }
            Self::Close(percent) => {
                let portion = percent.map_or(Portion::All, |percent| Portion::Percentage(percent.into()));
                let _ = exchange.close_position(market, "AAPL", portion);
            }
            Self::CloseAll(cancel) => {
                exchange.close_all_positions(market, *cancel).expect("no journal to fail");
            }
            Self::Price(symbol, price) => market.price(symbol, &price.to_string()),
            Self::Pass(minutes) => market.pass(TimeDelta::minutes(*minutes)),
        }
        desk.tick();
    }
}

/// Prices around a hundred dollars.
fn price() -> impl Strategy<Value = Decimal> {
    let cents = prop_oneof![3 => 9_000_u32..11_000, 1 => 5_000_u32..15_000];
    cents.prop_map(|cents| Decimal::new(cents.into(), 2))
}

/// Orders, most of them acceptable when nothing else is held.
fn order() -> impl Strategy<Value = Value> {
    let symbol = prop_oneof![4 => Just("AAPL"), 2 => Just("MSFT"), 1 => Just("ODD")];
    let tif = prop_oneof![6 => Just("day"), 2 => Just("gtc"), 1 => select(vec!["ioc", "fok", "opg", "cls"])];
    let amount = prop_oneof![
        8 => (1_u32..400).prop_map(|qty| json!({ "qty": qty })),
        1 => (1_u32..5_000).prop_map(|qty| json!({ "qty": Decimal::new(qty.into(), 2) })),
        1 => (1_u32..50_000).prop_map(|notional| json!({ "notional": notional })),
    ];
    let kind = prop_oneof![
        4 => Just(json!({ "type": "market" })),
        4 => price().prop_map(|limit| json!({ "type": "limit", "limit_price": limit })),
        1 => price().prop_map(|stop| json!({ "type": "stop", "stop_price": stop })),
        1 => (price(), price()).prop_map(|(limit, stop)| {
            json!({ "type": "stop_limit", "limit_price": limit, "stop_price": stop })
        }),
        1 => (1_u32..20).prop_map(|trail| json!({ "type": "trailing_stop", "trail_percent": trail })),
    ];
    let class = prop_oneof![
        5 => Just(json!({})),
        1 => Just(json!({ "order_class": "oto", "stop_loss": { "stop_price": 70 } })),
        1 => Just(json!({
            "order_class": "bracket",
            "take_profit": { "limit_price": 112 }, "stop_loss": { "stop_price": 88 },
        })),
        1 => Just(json!({
            "order_class": "bracket",
            "take_profit": { "limit_price": 88 }, "stop_loss": { "stop_price": 112, "limit_price": 115 },
        })),
        1 => (1_u32..50).prop_map(|qty| json!({
            "order_class": "oco", "side": "sell", "type": "limit", "limit_price": 108, "qty": qty,
            "stop_loss": { "stop_price": 91, "limit_price": 90 },
        })),
    ];
    (symbol, select(vec!["buy", "buy", "sell"]), tif, amount, kind, class).prop_map(
        |(symbol, side, tif, amount, kind, class)| {
            let order = json!({ "symbol": symbol, "side": side, "time_in_force": tif });
            with(with(with(order, &amount), &kind), &class)
        },
    )
}

/// Any sequence of things that can happen.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => order().prop_map(Step::Place),
        2 => (any::<usize>(), 1_u32..500, price()).prop_map(|(n, qty, limit)| {
            Step::Replace(n, json!({ "qty": qty, "limit_price": limit }))
        }),
        1 => (any::<usize>(), price()).prop_map(|(n, stop)| {
            Step::Replace(n, json!({ "stop_price": stop }))
        }),
        2 => any::<usize>().prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
        1 => proptest::option::of(1_u32..=100).prop_map(Step::Close),
        1 => any::<bool>().prop_map(Step::CloseAll),
        6 => (select(vec!["AAPL", "AAPL", "MSFT", "ODD"]), price())
            .prop_map(|(symbol, price)| Step::Price(symbol, price)),
        3 => prop_oneof![4 => 1_i64..60, 1 => 60_i64..3_000].prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..60)
}

fn check(exchange: &Exchange, ended: &mut BTreeMap<usize, Order>) {
    let book = exchange.book();
    let mut cash = book.starting_cash;
    let mut shares: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut filled: BTreeMap<OrderId, Decimal> = BTreeMap::new();
    for fill in &book.fills {
        assert!(fill.qty > Decimal::ZERO && fill.price > Decimal::ZERO);
        let before = shares.get(fill.symbol.as_str()).copied().unwrap_or_default();
        let closes = book.order(fill.order_id).map(|order| order.intent);
        match closes {
            Some(Intent::SellToClose) => assert!(before >= fill.qty, "{fill:?} of {before}"),
            Some(Intent::BuyToClose) => assert!(-before >= fill.qty, "{fill:?} of {before}"),
            _ => {}
        }
        cash -= fill.side.signed(fill.qty) * fill.price;
        *shares.entry(&fill.symbol).or_default() += fill.side.signed(fill.qty);
        *filled.entry(fill.order_id).or_default() += fill.qty;
    }
    assert_eq!(cash, book.cash, "cash is what the fills left of it");
    shares.retain(|_, qty| !qty.is_zero());
    let held: BTreeMap<&str, Decimal> =
        book.positions.iter().map(|(symbol, position)| (symbol.as_str(), position.qty)).collect();
    assert_eq!(shares, held, "positions are what the fills add up to");
    let mut reserved = Decimal::ZERO;
    for order in &book.orders {
        assert_eq!(order.filled_qty, filled.get(&order.id).copied().unwrap_or_default());
        if let Some(qty) = order.qty {
            assert!(order.filled_qty <= qty, "{order:?}");
        }
        reserved += order.reserved();
        if !order.is_open() {
            let before = ended.entry(order.number).or_insert_with(|| order.clone());
            // A successor may take over the legs of an order; nothing else moves.
            assert_eq!((before.status, before.filled_qty), (order.status, order.filled_qty));
        }
    }
    assert_eq!(reserved.round_dp(9), book.reserved().round_dp(9), "the running sum is the sum");
}

#[test]
fn the_steps_reach_every_ending_and_every_class() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..400 {
        let steps = steps().new_tree(&mut runner).expect("steps without a filter").current();
        let mut desk = Desk::with(Settings { partial_fill_probability: 0.5, ..Settings::default() });
        for step in &steps {
            step.take(&mut desk);
        }
        let orders = &desk.exchange.book().orders;
        reached.extend(orders.iter().map(|order| format!("{:?}", order.status)));
        reached.extend(orders.iter().map(|order| format!("{:?}", order.order_type)));
        let filled = orders.iter().filter(|order| order.status == Status::Filled);
        reached.extend(filled.map(|order| format!("filled {:?} {:?}", order.class, order.role)));
    }
    for name in [
        "New",
        "Held",
        "PartiallyFilled",
        "Filled",
        "Canceled",
        "Expired",
        "Replaced",
        "Accepted",
        "TrailingStop",
        "StopLimit",
        "filled Bracket TakeProfit",
        "filled Bracket StopLoss",
        "filled Oco TakeProfit",
        "filled Oco StopLoss",
        "filled Oto StopLoss",
    ] {
        assert!(reached.contains(name), "no sequence reached {name}: {reached:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn cash_and_shares_are_conserved(steps in steps(), seed in any::<u64>(), wait in any::<bool>()) {
        let settings = Settings {
            seed,
            partial_fill_probability: 0.5,
            cancels_wait: wait,
            ..Settings::default()
        };
        let mut desk = Desk::with(settings);
        let mut ended = BTreeMap::new();
        for step in &steps {
            step.take(&mut desk);
            check(&desk.exchange, &mut ended);
        }
    }

    #[test]
    fn the_same_requests_give_the_same_bytes(steps in steps(), seed in any::<u64>()) {
        let run = || {
            let mut desk = Desk::with(Settings { seed, ..Settings::default() });
            for step in &steps {
                step.take(&mut desk);
            }
            (format!("{:?}", desk.exchange.take_updates()), desk.exchange.account(&desk.market).to_string())
        };
        prop_assert_eq!(run(), run());
    }
}
