//! A signed-in user of the API, and what a call returns.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// Longer than the API itself lets a request take, on a machine busy with other tests.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A password that every policy accepts.
pub(crate) const PASSWORD: &str = "Test123456!";

/// What a call returned: the status, the body (text becomes a JSON string, nothing becomes null)
/// and the headers.
pub type Answer = (StatusCode, Value, HeaderMap);

/// A client with a cookie store and a session of its own.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The client that holds the session's cookie.
    pub client: Client,
    /// The user's id, as the API writes it.
    pub user_id: String,
    /// The user's name.
    pub username: String,
    base: String,
}

impl SignedIn {
    /// Signs a new user up at `base` (`http://host:port`).
    pub async fn sign_up(base: &str) -> Self {
        let client = new_client();
        let username = format!("u{}", uuid::Uuid::new_v4().simple());
        let body = json!({"username": username, "password": PASSWORD});
        let request = client.post(format!("{base}/api/auth/signup")).json(&body);
        let (status, body, _) = answer(request).await;
        assert_eq!(status, StatusCode::OK, "signing up {username}: {body}");
        let user_id = body["id"].as_str().expect("a new user has an id").to_owned();
        Self { client, user_id, username, base: base.to_owned() }
    }

    /// Sends a GET request to `path`, which begins with a slash.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// Sends `body` to `path` with POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a POST request without a body to `path`.
    pub async fn post_empty(&self, path: &str) -> Answer {
        answer(self.request(Method::POST, path)).await
    }

    /// Sends `body` to `path` with PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PUT, path).json(body)).await
    }

    /// Sends `body` to `path` with PATCH.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(body)).await
    }

    /// Sends a DELETE request to `path`.
    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Returns a request to `path` with the session, to add headers to or to stream.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }
}

/// Returns a client with an empty cookie store.
pub(crate) fn new_client() -> Client {
    Client::builder()
        .cookie_store(true)
        .timeout(TIMEOUT)
        .build()
        .expect("a client without TLS and proxies needs nothing of the system")
}

/// Sends a request and reads the whole answer; panics when there is none.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap_or_else(|error| panic!("half an answer: {error:?}"));
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    };
    (status, body, headers)
}
