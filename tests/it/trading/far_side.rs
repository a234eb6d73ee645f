//! A broker on a socket that does as a test says: it takes orders, fills them on request, sends
//! events, and fails by script.

mod answers;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::broadcast, task::JoinHandle};
use uuid::Uuid;

/// What becomes of one POST of an order.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It is taken, and the answer never comes.
    AnswerLost,
    /// It never arrives, and there is no answer either.
    NeverArrives,
    /// It is refused with a status and a body.
    Refused(u16, Value),
    /// It is taken, and the answer is nonsense.
    Nonsense(Value),
    /// It waits until the test says so, then is taken.
    Held,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) orders: Vec<Value>,
    /// Shares and average entry, by symbol.
    pub(super) positions: BTreeMap<String, (Decimal, Decimal)>,
    /// Client order ids of every POST that arrived, in order.
    pub(super) posts: Vec<String>,
    pub(super) cancels: usize,
    pub(super) lookups: usize,
    /// How often somebody asked for the list of orders.
    pub(super) lists: usize,
    held: usize,
    fates: VecDeque<Fate>,
    /// Answers instead of the real ones, by path.
    nonsense: BTreeMap<String, Value>,
    /// Symbols that nobody can trade.
    pub(super) unknown: Vec<String>,
    pub(super) equity: Option<Decimal>,
    /// Whether cancellations stay pending.
    pub(super) slow_cancels: bool,
}

type Shared = Arc<Far>;

pub(super) struct Far {
    book: Mutex<Book>,
    events: broadcast::Sender<String>,
    hangups: broadcast::Sender<()>,
    release: tokio::sync::Semaphore,
    listeners: std::sync::atomic::AtomicUsize,
}

/// The broker, until it is dropped.
pub(super) struct FarSide {
    pub(super) address: String,
    far: Shared,
    task: JoinHandle<()>,
}

impl Drop for FarSide {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true)
}

fn d(text: &str) -> Decimal {
    text.parse().expect("a number of this test is valid")
}

impl FarSide {
    pub(super) async fn start() -> Self {
        let far = Arc::new(Far {
            book: Mutex::default(),
            events: broadcast::channel(1024).0,
            hangups: broadcast::channel(16).0,
            release: tokio::sync::Semaphore::new(0),
            listeners: std::sync::atomic::AtomicUsize::new(0),
        });
        let app = Router::new()
            .route("/v2/orders", post(answers::place).get(answers::list))
            .route("/v2/orders/{id}", get(answers::one).delete(answers::cancel).patch(answers::replace))
            .route("/v2/orders:by_client_order_id", get(answers::by_client_id))
            .route("/v2/account", get(answers::account))
            .route("/v2/clock", get(answers::clock))
            .route("/v2/positions", get(answers::positions))
            .route("/v2/assets/{symbol}", get(answers::asset))
            .route("/v2/stocks/{symbol}/trades/latest", get(answers::price))
            .route("/stream", get(answers::stream))
            .with_state(Arc::clone(&far));
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
        let address = listener.local_addr().expect("a bound listener has an address").to_string();
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("the far side serves until it is dropped");
        });
        Self { address, far, task }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.far.book()
    }

    /// Decides what becomes of the next POST that has no fate yet.
    pub(super) fn next_post(&self, fate: Fate) {
        self.book().fates.push_back(fate);
    }

    /// Lets one held POST go on.
    pub(super) fn release(&self) {
        self.far.release.add_permits(1);
    }

    /// Answers `path` with `body` from now on; null for the truth again.
    pub(super) fn talk_nonsense(&self, path: &str, body: Value) {
        let mut book = self.book();
        if body.is_null() {
            book.nonsense.remove(path);
        } else {
            book.nonsense.insert(path.to_owned(), body);
        }
    }

    /// POSTs that are being held.
    pub(super) fn held(&self) -> usize {
        self.book().held
    }

    /// How often an order with this client id was posted.
    pub(super) fn posts(&self, client_order_id: &str) -> usize {
        self.book().posts.iter().filter(|id| *id == client_order_id).count()
    }

    /// The order with this client id, as the broker has it.
    pub(super) fn order(&self, client_order_id: &str) -> Option<Value> {
        self.book().orders.iter().find(|order| order["client_order_id"] == client_order_id).cloned()
    }

    /// Orders that the broker has.
    pub(super) fn len(&self) -> usize {
        self.book().orders.len()
    }

    /// Fills `qty` shares of the order at `price`; returns the event, which is not sent.
    pub(super) fn fill(&self, client_order_id: &str, qty: &str, price: &str) -> Value {
        let (qty, price) = (d(qty), d(price));
        let mut book = self.book();
        let order = book
            .orders
            .iter_mut()
            .find(|order| order["client_order_id"] == client_order_id)
            .expect("the broker has the order");
        let text = |value: &Value| value.as_str().map(d);
        let (asked, before) =
            (text(&order["qty"]).unwrap_or(qty), text(&order["filled_qty"]).unwrap_or_default());
        let average = text(&order["filled_avg_price"]).unwrap_or_default();
        let after = before + qty;
        order["filled_qty"] = json!(after.normalize().to_string());
        let average = ((average * before + price * qty) / after).round_dp(6);
        order["filled_avg_price"] = json!(average.normalize().to_string());
        let whole = after >= asked;
        order["status"] = json!(if whole { "filled" } else { "partially_filled" });
        order["updated_at"] = json!(now());
        if whole {
            order["filled_at"] = json!(now());
        }
        let order = order.clone();
        let signed = if order["side"] == "buy" { qty } else { -qty };
        let symbol = order["symbol"].as_str().expect("an order has a symbol").to_owned();
        let held = book.positions.entry(symbol.clone()).or_insert((Decimal::ZERO, price));
        held.0 += signed;
        let position = held.0;
        if position.is_zero() {
            book.positions.remove(&symbol);
        }
        json!({
            "event": if whole { "fill" } else { "partial_fill" }, "execution_id": Uuid::new_v4(),
            "timestamp": now(), "price": price.to_string(), "qty": qty.to_string(),
            "position_qty": position.to_string(), "order": order,
        })
    }

    /// The event of the order's present state.
    pub(super) fn event(&self, kind: &str, client_order_id: &str) -> Value {
        let order = self.order(client_order_id).expect("the broker has the order");
        json!({ "event": kind, "execution_id": Uuid::new_v4(), "timestamp": now(), "order": order })
    }

    /// Sends an event to whoever listens.
    pub(super) fn send(&self, event: &Value) {
        let message = json!({ "stream": "trade_updates", "data": event });
        // Nobody may be listening, which is what some tests are about.
        let _ = self.far.events.send(message.to_string());
    }

    /// Ends every stream.
    pub(super) fn hang_up(&self) {
        let _ = self.far.hangups.send(());
    }

    /// Connections that listen now.
    pub(super) fn listeners(&self) -> usize {
        self.far.listeners.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Far {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(status: u16, code: u32, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status of this test is valid");
    (status, Json(json!({ "code": code, "message": message }))).into_response()
}

/// Longer than any client of these tests waits.
async fn silence() -> Response {
    tokio::time::sleep(Duration::from_secs(20)).await;
    StatusCode::GATEWAY_TIMEOUT.into_response()
}

impl Book {
    fn take(&mut self, body: &Value) -> Result<Value, Box<Response>> {
        let id = body["client_order_id"].as_str().expect("every order carries our id").to_owned();
        self.posts.push(id.clone());
        if self.orders.iter().any(|order| order["client_order_id"] == id) {
            return Err(Box::new(refusal(422, 40_010_001, "client_order_id must be unique")));
        }
        let at = now();
        let mut order = json!({
            "id": Uuid::new_v4(), "client_order_id": id, "created_at": at, "updated_at": at,
            "submitted_at": at, "filled_at": null, "expired_at": null, "canceled_at": null,
            "failed_at": null, "replaced_at": null, "replaced_by": null, "replaces": null,
            "asset_id": Uuid::nil(), "asset_class": "us_equity", "notional": body["notional"],
            "qty": body["qty"], "filled_qty": "0", "filled_avg_price": null, "symbol": body["symbol"],
            "order_class": "", "order_type": body["type"], "type": body["type"], "side": body["side"],
            "time_in_force": body["time_in_force"], "limit_price": body["limit_price"],
            "stop_price": body["stop_price"], "status": "new",
            "extended_hours": body["extended_hours"].as_bool().unwrap_or_default(), "legs": null,
            "trail_percent": null, "trail_price": null, "hwm": null,
        });
        if let Some(profit) = body["take_profit"].as_object() {
            let opposite = if body["side"] == "buy" { "sell" } else { "buy" };
            let mut leg = order.clone();
            leg["id"] = json!(Uuid::new_v4());
            leg["client_order_id"] = json!(Uuid::new_v4());
            leg["side"] = json!(opposite);
            leg["type"] = json!("limit");
            leg["order_type"] = json!("limit");
            leg["limit_price"] = profit["limit_price"].clone();
            leg["status"] = json!("held");
            order["legs"] = json!([leg]);
            order["order_class"] = body["order_class"].clone();
        }
        self.orders.push(order.clone());
        Ok(order)
    }

    fn find(&mut self, id: &str) -> Option<&mut Value> {
        self.orders.iter_mut().find(|order| order["id"] == id)
    }
}
