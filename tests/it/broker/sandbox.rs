//! The adapter and the sandbox understand each other, over a socket only.

use std::time::Duration;

use ::sandbox::{
    Settings,
    faults::{Kind, Rule},
    replay::Pace,
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::order::{Amount, OrderRequest, OrderStatus, Side};
use jobs::broker::{
    Broker, CancelOutcome, OrderQuery, OrderScope, PlaceError, PlaceOrder, Portion, PositionSide,
    ReplaceOrder, TradeEventKind, alpaca::Alpaca,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use suites::{TestDatabase, eventually};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{KEY, LIMIT, SECRET, alpaca};

/// A sandbox in this process, whose clock stands still until it is moved.
struct Sandbox {
    url: String,
    task: JoinHandle<()>,
    client: reqwest::Client,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sandbox {
    async fn start(faults: Vec<Rule>) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let settings = Settings { clock: Pace::Stepped, rate_limit: 0, faults, ..Settings::new(KEY, SECRET) };
        let task = tokio::spawn(async move {
            ::sandbox::serve(settings, listener, std::future::pending())
                .await
                .expect("it serves until the end");
        });
        Self { url, task, client: reqwest::Client::new() }
    }

    async fn advance(&self, by: Duration) {
        let step = json!({"advance_ms": u64::try_from(by.as_millis()).expect("a short time")});
        let moved = self.client.post(format!("{}/sandbox/clock", self.url)).json(&step).send().await;
        moved.expect("the sandbox is there").error_for_status().expect("the clock moves");
    }
}

fn place(id: &str, request: OrderRequest) -> PlaceOrder {
    PlaceOrder { client_order_id: id.into(), request }
}

fn ten() -> Amount {
    Amount::Units(Decimal::TEN)
}

async fn filled(sandbox: &Sandbox, broker: &Alpaca, id: &str) {
    eventually("the order is filled", LIMIT, async || {
        sandbox.advance(Duration::from_mins(1)).await;
        let order = broker.order_by_client_id(id).await.expect("an answer").expect("the order is there");
        order.status == OrderStatus::Filled
    })
    .await;
}

#[tokio::test]
async fn an_order_goes_from_placement_to_position_and_everything_about_it_reads() {
    let database = TestDatabase::create().await;
    let sandbox = Sandbox::start(vec![]).await;
    let broker = alpaca(&sandbox.url, &database.pool);
    let mut stream = broker.trade_updates().await.expect("the stream is there");
    let start: DateTime<Utc> = broker.clock().await.expect("the time").timestamp;

    let account = broker.account().await.expect("an account");
    assert_eq!((account.status.as_str(), account.cash), ("ACTIVE", Decimal::from(100_000)));
    let day = |d| NaiveDate::from_ymd_opt(2024, 3, d).expect("a date");
    let days = broker.calendar(day(4), day(10)).await.expect("a calendar");
    assert_eq!(days.len(), 5, "a week has five trading days: {days:?}");
    let asset = broker.asset("AAPL").await.expect("an answer").expect("a known asset");
    assert!(asset.tradable && asset.active);
    assert_eq!(broker.asset("ZZZZZ").await, Ok(None));
    let price = broker.latest_price("AAPL").await.expect("a price").price;
    let quote = broker.latest_quote("AAPL").await.expect("a quote");
    assert!(price > Decimal::ZERO && quote.bid <= quote.ask, "{price} {quote:?}");

    let buy = place("cap-buy", OrderRequest::market("AAPL", Side::Buy, ten()));
    let placed = broker.place(&buy).await.expect("the order is taken");
    assert_eq!((placed.client_order_id.as_str(), placed.qty), ("cap-buy", Some(Decimal::TEN)));
    assert_eq!(broker.place(&buy).await, Err(PlaceError::Duplicate), "the same id is taken once");
    filled(&sandbox, &broker, "cap-buy").await;

    let mut kinds = Vec::new();
    while kinds.last() != Some(&TradeEventKind::Fill) {
        let event = tokio::time::timeout(LIMIT, stream.next()).await.expect("an event in time");
        let event = event.expect("the stream is whole");
        assert_eq!(event.order.client_order_id, "cap-buy");
        kinds.push(event.kind);
    }
    let position = broker.position("AAPL").await.expect("an answer").expect("ten shares");
    assert_eq!((position.qty, position.side), (Decimal::TEN, PositionSide::Long));
    assert_eq!(broker.positions().await.expect("an answer").len(), 1);
    let fills = broker.fills(start - chrono::Duration::days(1)).await.expect("executions");
    let shares: Decimal = fills.iter().map(|fill| fill.qty).sum();
    assert_eq!(shares, Decimal::TEN, "{fills:?}");
    assert_eq!(fills[0].order_id, placed.id);

    let cent = Decimal::new(100, 2);
    let low = place("cap-low", OrderRequest::limit("AAPL", Side::Buy, ten(), cent));
    let low = broker.place(&low).await.expect("a limit far away is taken");
    sandbox.advance(Duration::from_secs(5)).await;
    let change = ReplaceOrder { limit_price: Some(cent + cent), ..ReplaceOrder::default() };
    let changed = broker.replace(&low.id, &change).await.expect("a working order can be replaced");
    assert_eq!((changed.replaces, changed.limit_price), (Some(low.id), Some(cent + cent)));
    let open = OrderQuery { symbols: vec!["AAPL".into()], ..OrderQuery::default() };
    assert_eq!(broker.orders(&open).await.expect("open orders").len(), 1);
    assert_eq!(broker.cancel(&changed.id).await, Ok(CancelOutcome::Requested));
    eventually("the order is canceled", LIMIT, async || {
        sandbox.advance(Duration::from_secs(1)).await;
        let order = broker.order(&changed.id).await.expect("an answer").expect("the order is there");
        order.status == OrderStatus::Canceled
    })
    .await;
    assert!(matches!(broker.cancel(&changed.id).await, Ok(CancelOutcome::AlreadyOver(_))));
    assert!(broker.cancel_all().await.expect("an answer").is_empty());

    let closing = broker.close_position("AAPL", Portion::All).await.expect("a position can be closed");
    assert_eq!((closing.side, closing.qty), (Side::Sell, Some(Decimal::TEN)));
    filled(&sandbox, &broker, &closing.client_order_id).await;
    assert_eq!(broker.position("AAPL").await, Ok(None));
    let all = broker.all_orders_since(start - chrono::Duration::days(1), OrderScope::All).await;
    assert_eq!(all.expect("every order").len(), 4);
}

#[tokio::test]
async fn refusals_of_the_sandbox_are_final_and_named() {
    let database = TestDatabase::create().await;
    let sandbox = Sandbox::start(vec![]).await;
    let broker = alpaca(&sandbox.url, &database.pool);
    for (id, request, code) in [
        (
            "poor",
            OrderRequest::market("AAPL", Side::Buy, Amount::Units(Decimal::from(1_000_000))),
            40_310_000,
        ),
        ("unknown", OrderRequest::market("ZZZZZ", Side::Buy, ten()), 42_210_000),
        ("fine", OrderRequest::limit("AAPL", Side::Buy, ten(), Decimal::new(100_123, 3)), 42_210_000),
    ] {
        match broker.place(&place(id, request)).await {
            Err(PlaceError::Rejected(refusal)) => assert_eq!(refusal.code, Some(code), "{id}: {refusal}"),
            other => panic!("{id}: {other:?} is no rejection"),
        }
    }
}

#[tokio::test]
async fn whatever_the_sandbox_breaks_an_order_is_unknown_or_absent_and_never_doubled() {
    let database = TestDatabase::create().await;
    let kind = |value: Value| -> Kind { serde_json::from_value(value).expect("a fault of the sandbox") };
    for (fault, arrives) in [
        (json!({"kind": "status", "code": 503}), false),
        (json!({"kind": "status", "code": 504, "after": true}), true),
        (json!({"kind": "reset_before"}), false),
        (json!({"kind": "reset_after"}), true),
        (json!({"kind": "lost_answer"}), true),
        (json!({"kind": "truncated_json"}), true),
        (json!({"kind": "cut_body"}), true),
        (json!({"kind": "malformed_json"}), true),
        (json!({"kind": "wrong_types"}), true),
    ] {
        let rule = Rule {
            route: "/v2/orders".into(),
            method: Some("POST".into()),
            rate: 1.0,
            first_n: Some(1),
            kind: kind(fault.clone()),
        };
        let sandbox = Sandbox::start(vec![rule]).await;
        let broker = alpaca(&sandbox.url, &database.pool);
        let order = place("cap-1", OrderRequest::market("AAPL", Side::Buy, ten()));
        let first = broker.place(&order).await;
        assert!(matches!(first, Err(PlaceError::Unknown { .. })), "{fault}: {first:?}");
        let found = broker.order_by_client_id("cap-1").await.expect("an answer");
        assert_eq!(found.is_some(), arrives, "{fault}");
        match broker.place(&order).await {
            Err(PlaceError::Duplicate) => assert!(arrives, "{fault}"),
            Ok(placed) => assert!(!arrives, "{fault}: {placed:?}"),
            other => panic!("{fault}: {other:?}"),
        }
        let all = broker.all_orders_since(DateTime::UNIX_EPOCH, OrderScope::All).await;
        assert_eq!(all.expect("every order").len(), 1, "{fault}");
    }
}
