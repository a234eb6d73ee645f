//! A deployment with a broker, and what the broker would say, written down by the test.

use std::str::FromStr;

use chrono::Utc;
use jobs::{
    broker::{Account, Asset, BrokerOrder, Position, PositionSide},
    db::{
        broker_state,
        fills::Source,
        orders::{self, Applied, Order},
    },
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use suites::{SignedIn, TestApp, TestAppBuilder};
use uuid::Uuid;

/// Returns the builder of an application with a broker that nobody ever asks.
pub(crate) fn with_broker() -> TestAppBuilder {
    TestApp::builder().config(|config| {
        config.broker.key = Some("key-of-nobody".into());
        config.broker.secret = Some("secret-of-nobody".into());
        // Nobody sends anything: there is nothing to wait for.
        config.api.run_wait_ms = 0;
    })
}

/// Starts an application whose broker has been read: a hundred thousand dollars, nothing held,
/// AAPL and MSFT at 100.
pub(crate) async fn start() -> TestApp {
    let app = with_broker().start().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    sync(&mut conn, &[]).await;
    for symbol in ["AAPL", "MSFT"] {
        broker_state::store_asset(&mut conn, symbol, Some(&asset(symbol))).await.expect("an asset");
        price(&mut conn, symbol, "100").await;
    }
    app
}

/// Writes down account and positions as read just now.
pub(crate) async fn sync(conn: &mut PgConnection, positions: &[Position]) {
    broker_state::store_account(conn, &account(), positions).await.expect("the account is stored");
}

/// Writes down the last price of `symbol`.
pub(crate) async fn price(conn: &mut PgConnection, symbol: &str, price: &str) {
    broker_state::store_price(conn, symbol, decimal(price), Utc::now()).await.expect("the price is stored");
}

/// Returns the number that `text` is.
pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).expect("a number of this test is valid")
}

fn account() -> Account {
    let money = decimal("100000");
    Account {
        id: "account".into(),
        account_number: "PA1".into(),
        status: "ACTIVE".into(),
        currency: "USD".into(),
        cash: money,
        equity: decimal("101000"),
        last_equity: money,
        buying_power: decimal("200000"),
        long_market_value: Decimal::ZERO,
        short_market_value: Decimal::ZERO,
        shorting_enabled: true,
        pattern_day_trader: false,
        daytrade_count: 1,
        trading_blocked: false,
        account_blocked: false,
        trade_suspended_by_user: false,
        raw: json!({
            "id": "account", "account_number": "PA1", "status": "ACTIVE", "currency": "USD",
            "cash": "100000", "equity": "101000", "last_equity": "100000", "buying_power": "200000",
        }),
    }
}

fn asset(symbol: &str) -> Asset {
    Asset {
        id: format!("asset-{symbol}"),
        symbol: symbol.into(),
        name: symbol.into(),
        class: "us_equity".into(),
        exchange: "NASDAQ".into(),
        active: true,
        tradable: true,
        marginable: true,
        shortable: true,
        fractionable: true,
        raw: json!({ "symbol": symbol }),
    }
}

/// Returns the account's position of `qty` shares in `symbol`, bought at `cost`, now at `price`.
pub(crate) fn position(symbol: &str, qty: &str, cost: &str, price: &str) -> Position {
    let (qty, cost, price) = (decimal(qty), decimal(cost), decimal(price));
    let short = qty.is_sign_negative();
    Position {
        symbol: symbol.into(),
        asset_id: format!("asset-{symbol}"),
        side: if short { PositionSide::Short } else { PositionSide::Long },
        qty,
        qty_available: qty,
        avg_entry_price: cost,
        current_price: Some(price),
        market_value: Some(qty * price),
        cost_basis: qty * cost,
        unrealized_pl: Some(qty * (price - cost)),
        raw: json!({
            "symbol": symbol, "asset_id": format!("asset-{symbol}"), "asset_class": "us_equity",
            "exchange": "NASDAQ", "qty": qty.to_string(), "qty_available": qty.to_string(),
            "avg_entry_price": cost.to_string(), "current_price": price.to_string(),
            "change_today": "0.0125",
        }),
    }
}

/// Places a market order for `qty` shares of `symbol` and returns its row as the API shows it.
pub(crate) async fn buy(user: &SignedIn, symbol: &str, qty: u32) -> Value {
    let body = json!({"symbol": symbol, "side": "buy", "qty": qty});
    let (status, order, _) = user.post("/api/orders", &body).await;
    assert_eq!(status, 201, "{order}");
    order
}

/// Returns the id of an order as the API shows it.
pub(crate) fn id_of(order: &Value) -> Uuid {
    order["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id in {order}"))
}

/// Lets the broker fill `filled` shares of the order `id` at `price`, in all: it is sent first.
pub(crate) async fn fill(app: &TestApp, id: Uuid, filled: &str, price: &str) {
    let mut tx = app.pool.begin().await.expect("a transaction");
    let order = orders::by_id(&mut tx, id).await.expect("the order is read").expect("the order exists");
    if order.status.as_str() == "pending" {
        orders::begin_sending(&mut tx, id).await.expect("it can be sent");
    }
    let said = brokers(&order, filled, price);
    let applied = orders::apply(&mut tx, id, &orders::seen(&said), Source::Poll).await.expect("an answer");
    assert!(matches!(applied, Applied::Applied { .. }), "{applied:?}");
    tx.commit().await.expect("a commit");
}

/// Returns the order as the broker tells of it.
fn brokers(order: &Order, filled: &str, price: &str) -> BrokerOrder {
    let (filled_qty, now) = (decimal(filled), Utc::now());
    let status = match order.qty {
        _ if filled_qty.is_zero() => "new",
        Some(qty) if filled_qty < qty => "partially_filled",
        _ => "filled",
    };
    let id = order.broker_order_id.clone().unwrap_or_else(|| format!("broker-{}", order.id.simple()));
    BrokerOrder {
        id: id.clone(),
        client_order_id: order.client_order_id.clone(),
        status: status.parse().expect("a broker's word"),
        symbol: order.symbol.clone(),
        side: order.side,
        order_type: order.order_type,
        time_in_force: order.time_in_force,
        class: order.class,
        qty: order.qty,
        notional: order.notional,
        filled_qty,
        filled_avg_price: (!filled_qty.is_zero()).then(|| decimal(price)),
        limit_price: order.limit_price,
        stop_price: order.stop_price,
        trail: None,
        extended_hours: order.extended_hours,
        replaces: None,
        replaced_by: None,
        created_at: now,
        updated_at: now,
        submitted_at: Some(now),
        filled_at: (status == "filled").then_some(now),
        legs: Vec::new(),
        raw: json!({"id": id, "asset_id": "asset", "asset_class": "us_equity", "status": status}),
    }
}

/// Returns what a query for one number returns.
pub(crate) async fn count(app: &TestApp, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&app.pool).await.expect("the database answers")
}
