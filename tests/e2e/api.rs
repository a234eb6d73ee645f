//! A client as strict as the report's: JSON on every request, and of a reply's cookies only
//! the text before the first `;` of the first one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    header::{CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE},
};
use serde_json::Value;

/// The server under test.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    base: String,
    http: Client,
}

/// What a call returned.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A client's state: the server, and the cookie it sends.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    api: Api,
    /// `name=value`, once a reply has set one.
    pub(crate) cookie: Option<String>,
}

impl Api {
    /// Returns the server at `base` (`http://host:port`).
    pub(crate) fn new(base: &str) -> Self {
        let http = Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .build()
            .expect("a client without TLS and proxies needs nothing of the system");
        Self { base: base.trim_end_matches('/').to_owned(), http }
    }

    /// Returns an anonymous client.
    pub(crate) fn visitor(&self) -> Session {
        Session { api: self.clone(), cookie: None }
    }

    /// Asks whether the server is ready.
    pub(crate) async fn ready(&self) -> Result<()> {
        let reply = self.visitor().get("/health/ready").await?;
        reply.expect(StatusCode::OK).map(drop)
    }
}

impl Session {
    /// Sends a request and reads the JSON reply; takes over the cookie it sets.
    pub(crate) async fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        let mut request = self.request(method, path).timeout(Duration::from_secs(20));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.with_context(|| format!("no answer from {path}"))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.with_context(|| format!("half an answer from {path}"))?;
        let json =
            headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        ensure!(json, "{path} answered {status} with something other than JSON: {text:.200}");
        let body = serde_json::from_str(&text).with_context(|| format!("{path} answered {text:.200}"))?;
        let reply = Reply { status, headers, body };
        if let Some(cookie) = reply.first_cookie() {
            self.cookie = Some(cookie.split(';').next().unwrap_or_default().to_owned());
        }
        Ok(reply)
    }

    /// Sends a GET request.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path, None).await
    }

    /// Sends `body` with POST.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Sends `body` with PUT.
    pub(crate) async fn put(&mut self, path: &str, body: &Value) -> Result<Reply> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// Sends a DELETE request.
    pub(crate) async fn delete(&mut self, path: &str) -> Result<Reply> {
        self.call(Method::DELETE, path, None).await
    }

    /// Returns a request with the headers that the report's client sends on every one.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.api.http.request(method, format!("{}{path}", self.api.base));
        let request = request.header(CONTENT_TYPE, "application/json");
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }
}

impl Reply {
    /// Returns the reply, or an error that shows it when the status is another.
    pub(crate) fn expect(self, status: StatusCode) -> Result<Self> {
        ensure!(
            self.status == status,
            "expected {status}, got {}: {:.300}",
            self.status,
            self.body.to_string()
        );
        Ok(self)
    }

    /// Returns the first `Set-Cookie` header.
    pub(crate) fn first_cookie(&self) -> Option<&str> {
        self.headers.get(SET_COOKIE)?.to_str().ok()
    }

    /// Returns the text at a JSON pointer of the body.
    pub(crate) fn text(&self, pointer: &str) -> Result<&str> {
        let value = self.body.pointer(pointer).and_then(Value::as_str);
        value.with_context(|| format!("no text at {pointer} in {:.300}", self.body.to_string()))
    }

    /// Returns the body as a plain array.
    pub(crate) fn array(&self) -> Result<&Vec<Value>> {
        self.body.as_array().with_context(|| format!("not an array: {:.300}", self.body.to_string()))
    }
}
