//! A stub far side for tests: a table of prices and a clock that is set by hand.
//!
//! Its days have the hours of New York in winter, weekends excepted.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Mutex;

use chrono::{DateTime, Datelike as _, NaiveTime, TimeDelta, Utc, Weekday};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

/// Monday, ten minutes after the open.
pub(crate) const MONDAY: &str = "2026-03-02T14:40:00Z";

pub(crate) fn dec(text: &str) -> Decimal {
    Decimal::from_str(text).expect("a decimal")
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("an RFC 3339 time")
}

/// Prices set by hand; AAPL and MSFT are known, ODD is neither shortable nor fractionable.
#[derive(Debug)]
pub(crate) struct StubMarket {
    state: Mutex<(DateTime<Utc>, HashMap<String, Quote>)>,
}

impl StubMarket {
    pub(crate) fn at(now: &str) -> Self {
        let market = Self { state: Mutex::new((time(now), HashMap::new())) };
        for symbol in ["AAPL", "MSFT", "ODD"] {
            market.price(symbol, "100");
        }
        market
    }

    /// Sets the last price; bid and ask lie a cent beside it.
    pub(crate) fn price(&self, symbol: &str, last: &str) {
        let (last, cent) = (dec(last), Decimal::new(1, 2));
        let quote = Quote { bid: last - cent, ask: last + cent, last };
        self.state.lock().expect("no panic holds it").1.insert(symbol.to_owned(), quote);
    }

    pub(crate) fn set(&self, now: &str) {
        self.state.lock().expect("no panic holds it").0 = time(now);
    }

    pub(crate) fn pass(&self, time: TimeDelta) {
        self.state.lock().expect("no panic holds it").0 += time;
    }
}

fn clock(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day")
}

fn next(at: DateTime<Utc>, of_day: NaiveTime) -> DateTime<Utc> {
    let mut day = at.date_naive();
    loop {
        let moment = day.and_time(of_day).and_utc();
        if moment > at && !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            return moment;
        }
        day = day.succ_opt().expect("a date");
    }
}

impl Market for StubMarket {
    fn now(&self) -> DateTime<Utc> {
        self.state.lock().expect("no panic holds it").0
    }

    fn quote(&self, symbol: &str, _: DateTime<Utc>) -> Option<Quote> {
        self.state.lock().expect("no panic holds it").1.get(symbol).copied()
    }

    fn previous_close(&self, _: &str, _: DateTime<Utc>) -> Option<Decimal> {
        Some(dec("95"))
    }

    fn asset(&self, symbol_or_id: &str) -> Option<Asset> {
        let symbol = ["AAPL", "MSFT", "ODD"].into_iter().find(|&symbol| symbol == symbol_or_id)?;
        let plain = symbol != "ODD";
        Some(Asset {
            id: Uuid::from_u128(u128::from(symbol.as_bytes()[0])),
            symbol: symbol.to_owned(),
            exchange: "NASDAQ".to_owned(),
            tradable: true,
            marginable: true,
            shortable: plain,
            fractionable: plain,
        })
    }

    fn session(&self, at: DateTime<Utc>) -> Session {
        let weekend = matches!(at.date_naive().weekday(), Weekday::Sat | Weekday::Sun);
        match at.time() {
            _ if weekend => Session::Closed,
            time if time >= clock(14, 30) && time < clock(21, 0) => Session::Regular,
            time if time >= clock(9, 0) => Session::Extended,
            _ => Session::Closed,
        }
    }

    fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        next(at, clock(14, 30))
    }

    fn next_close(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        next(at, clock(21, 0))
    }
}

/// An exchange without partial fills, and its market on Monday morning at $100.
pub(crate) struct Desk {
    pub exchange: Exchange,
    pub market: StubMarket,
}

impl Desk {
    pub(crate) fn open() -> Self {
        Self::with(Settings { partial_fill_probability: 0.0, ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self { exchange: Exchange::new(settings), market: StubMarket::at(MONDAY) }
    }

    pub(crate) fn tick(&mut self) {
        let now = self.market.now();
        self.exchange.tick(&self.market, now).expect("no journal to fail");
    }

    pub(crate) fn place(&mut self, body: &Value) -> Value {
        self.exchange.place(&self.market, body).expect("accepted")
    }

    pub(crate) fn refuse(&mut self, body: &Value) -> Refusal {
        self.exchange.place(&self.market, body).expect_err("refused")
    }

    /// Places and ticks; returns the order as it then is, legs inside.
    pub(crate) fn trade(&mut self, body: &Value) -> Value {
        let order = self.place(body);
        self.tick();
        self.order(&order)
    }

    /// Returns the order object as it is now.
    pub(crate) fn order(&self, order: &Value) -> Value {
        self.exchange.order(id(order), true).expect("an order of this exchange")
    }

    pub(crate) fn events(&mut self) -> Vec<&'static str> {
        self.exchange.take_updates().iter().map(|update| update.event).collect()
    }
}

pub(crate) fn id(order: &Value) -> OrderId {
    serde_json::from_value(order["id"].clone()).expect("an order object")
}

/// A market order of AAPL.
pub(crate) fn market_order(side: &str, qty: &str) -> Value {
    json!({ "symbol": "AAPL", "side": side, "type": "market", "time_in_force": "day", "qty": qty })
}

/// A day limit order of AAPL.
pub(crate) fn limit_order(side: &str, qty: &str, limit: &str) -> Value {
    with(market_order(side, qty), &json!({ "type": "limit", "limit_price": limit }))
}

/// `order` with other fields; null takes one away.
pub(crate) fn with(mut order: Value, fields: &Value) -> Value {
    if let (Some(order), Some(fields)) = (order.as_object_mut(), fields.as_object()) {
        order.extend(fields.clone());
    }
    order
}

/// A resting market order of ten shares.
pub(crate) fn resting(side: Side) -> Order {
    let now = time(MONDAY);
    Order {
        number: 0,
        id: OrderId(Uuid::nil()),
        client_order_id: "a".to_owned(),
        posted: true,
        symbol: "AAPL".to_owned(),
        asset_id: Uuid::nil(),
        side,
        order_type: OrderType::Market,
        time_in_force: TimeInForce::Day,
        class: Class::Simple,
        role: Role::Single,
        parent: None,
        legs: Vec::new(),
        qty: Some(Decimal::TEN),
        notional: None,
        expected_qty: Decimal::TEN,
        limit_price: None,
        stop_price: None,
        trail_price: None,
        trail_percent: None,
        hwm: None,
        extended_hours: false,
        intent: Intent::of(side, true),
        status: Status::New,
        triggered: false,
        filled_qty: Decimal::ZERO,
        filled_value: Decimal::ZERO,
        unit_cost: Decimal::ZERO,
        holds: true,
        first_part: None,
        eligible_at: now,
        auction_at: None,
        submitted_at: now,
        updated_at: now,
        expires_at: now,
        filled_at: None,
        expired_at: None,
        canceled_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
    }
}
