//! A sandbox of a test's own, on a free port.

use std::net::SocketAddr;

use reqwest::{Method, RequestBuilder, StatusCode};
use sandbox::{Settings, replay::Pace};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// A running sandbox; it ends with the test.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Settings of a sandbox whose clock stands at the opening of Monday, 2024-03-04.
pub(crate) fn stepped() -> Settings {
    Settings { clock: Pace::Stepped, rate_limit: 0, seed: 7, ..Settings::new("key", "secret") }
}

impl Served {
    pub(crate) async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            sandbox::serve(settings, listener, stop).await.expect("the sandbox serves");
        });
        Self { address, client: reqwest::Client::new(), stop, task }
    }

    /// Ends the sandbox in good order.
    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the sandbox waits for this");
        self.task.await.expect("the sandbox ends");
    }

    /// Returns a request with the right key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header("APCA-API-KEY-ID", "key").header("APCA-API-SECRET-KEY", "secret")
    }

    /// Returns a request without a key.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// Returns the answer to a `GET`, which must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.answer(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Returns the status of and the answer to a `GET`.
    pub(crate) async fn answer(&self, path: &str) -> (StatusCode, Value) {
        let response = self.request(Method::GET, path).send().await.expect("an answer");
        let status = response.status();
        (status, response.json().await.expect("an answer in JSON"))
    }

    /// Moves the clock to `to`.
    pub(crate) async fn turn_to(&self, to: &str) {
        let body = serde_json::json!({ "to": to });
        let response = self.bare(Method::POST, "/sandbox/clock").json(&body).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{to}");
    }
}
