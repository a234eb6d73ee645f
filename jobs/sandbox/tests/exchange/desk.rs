//! A sandbox whose clock stands, and a client of its exchange.

use std::net::SocketAddr;
use std::path::Path;

use reqwest::{Method, StatusCode};
use sandbox::{Settings, exchange, replay::Pace};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// A running sandbox, at the opening of Monday, 2024-03-04, without partial fills.
pub(crate) struct Desk {
    pub(crate) address: SocketAddr,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::with(None).await
    }

    /// Starts a sandbox that keeps its journal at `journal`.
    pub(crate) async fn with(journal: Option<&Path>) -> Self {
        let rules = exchange::Settings { partial_fill_probability: 0.0, ..exchange::Settings::default() };
        let settings = Settings {
            clock: Pace::Stepped,
            rate_limit: 0,
            seed: 7,
            journal: journal.map(Path::to_owned),
            exchange: rules,
            ..Settings::new("key", "secret")
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            sandbox::serve(settings, listener, async { drop(stopped.await) }).await.expect("it serves");
        });
        Self { address, client: reqwest::Client::new(), stop, served }
    }

    /// Ends the sandbox and waits for its end.
    pub(crate) async fn close(self) {
        drop(self.stop);
        drop(self.client);
        self.served.await.expect("no panic");
    }

    /// Returns status and body; an empty body is null.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let request = self
            .client
            .request(method, format!("http://{}{path}", self.address))
            .header("APCA-API-KEY-ID", "key")
            .header("APCA-API-SECRET-KEY", "secret");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let bytes = response.bytes().await.expect("a body");
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") };
        (status, body)
    }

    /// Returns the answer to a `GET` with its body still to come.
    pub(crate) async fn open_get(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(format!("http://{}{path}", self.address));
        let request = request.header("APCA-API-KEY-ID", "key").header("APCA-API-SECRET-KEY", "secret");
        request.send().await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, "/v2/orders", Some(body)).await
    }

    /// Places an order, which must be accepted.
    pub(crate) async fn place(&self, body: &Value) -> Value {
        let (status, order) = self.post(body).await;
        assert_eq!(status, StatusCode::OK, "{order}");
        order
    }

    /// Lets a second pass; every open order has been worked when it returns.
    pub(crate) async fn pass(&self) {
        let step = json!({ "advance_ms": 1000 });
        let (status, body) = self.ask(Method::POST, "/sandbox/clock", Some(&step)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
}

/// A market order to buy AAPL under a client id.
pub(crate) fn buy(client_order_id: &str, qty: u32) -> Value {
    json!({
        "symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day", "qty": qty,
        "client_order_id": client_order_id,
    })
}

/// A limit order that does not fill.
pub(crate) fn resting(client_order_id: &str) -> Value {
    json!({
        "symbol": "AAPL", "side": "buy", "type": "limit", "limit_price": 1, "time_in_force": "gtc", "qty": "1",
        "client_order_id": client_order_id,
    })
}
