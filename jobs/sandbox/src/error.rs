//! How the sandbox refuses: the error bodies of the provider it stands in for.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

/// A refusal: `{"code", "message", …}` with an HTTP status of its own.
///
/// The first three digits of a code say which status the provider means; the status sent may
/// differ (40010001 comes with 422). Market data errors carry no code.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The status sent.
    pub status: StatusCode,
    /// Eight digits, or none for market data.
    pub code: Option<u32>,
    /// Lower case, without a full stop.
    pub message: String,
    /// Further keys of the body, all of them text unless said otherwise.
    pub extra: Map<String, Value>,
}

impl ApiError {
    /// Returns a refusal of the trading API.
    pub fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code: Some(code), message: message.into(), extra: Map::new() }
    }

    /// Returns a refusal of the market data API, which has no code.
    pub fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: None, message: message.into(), extra: Map::new() }
    }

    /// Adds a key to the body.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    /// Returns the body.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(code) = self.code {
            body.insert("code".to_owned(), code.into());
        }
        body.insert("message".to_owned(), self.message.clone().into());
        body.extend(self.extra.clone());
        Value::Object(body)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}
