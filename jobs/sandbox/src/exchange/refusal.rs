//! Why the exchange says no, in the provider's words and numbers.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// A refusal as the provider words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refusal {
    /// The HTTP status sent.
    pub status: u16,
    /// The provider's eight digit code.
    pub code: u32,
    /// The provider's text.
    pub message: String,
    /// Further keys of the body.
    pub extra: Map<String, Value>,
}

impl Refusal {
    fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), extra: Map::new() }
    }

    /// Returns the refusal of a missing or malformed field.
    pub fn field(message: impl Into<String>) -> Self {
        Self::new(422, 40_010_001, message)
    }

    /// Returns the refusal of a well-formed request that breaks a rule.
    pub fn rule(message: impl Into<String>) -> Self {
        Self::new(422, 42_210_000, message)
    }

    /// Returns the refusal of a request the account may not make.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, 40_310_000, message)
    }

    /// Returns the refusal for what does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, 40_410_000, message)
    }

    /// Returns the refusal of a client order id that was used before.
    pub fn duplicate() -> Self {
        Self::field("client_order_id must be unique")
    }

    /// Returns the refusal of a body that is not a JSON object.
    pub fn body() -> Self {
        Self::new(400, 40_010_000, "request body format is invalid")
    }

    /// Returns the refusal of a fourth day trade on a small account.
    pub fn pattern_day_trader() -> Self {
        Self::new(403, 40_310_100, "trade denied due to pattern day trading protection")
    }

    /// Returns the answer when the journal cannot be written.
    pub fn internal() -> Self {
        Self::new(500, 50_010_000, "internal server error occurred")
    }

    /// Adds a key to the body.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    /// Adds an amount to the body, as text.
    #[must_use]
    pub fn amount(self, key: &str, value: Decimal) -> Self {
        self.with(key, value.normalize().to_string())
    }

    /// Returns the body sent.
    pub fn body_value(&self) -> Value {
        let mut body = Map::new();
        body.insert("code".to_owned(), self.code.into());
        body.insert("message".to_owned(), self.message.clone().into());
        body.extend(self.extra.clone());
        Value::Object(body)
    }
}
