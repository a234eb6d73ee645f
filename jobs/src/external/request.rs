//! What is asked of a provider.

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Who goes first when the allowance runs low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// May use four fifths of the burst.
    Normal,
    /// May use all of it: what takes risk away, such as a cancellation.
    Urgent,
}

/// One request, below the provider's base URL.
#[derive(Debug, Clone)]
pub struct Request {
    operation: &'static str,
    method: Method,
    target: String,
    /// Part of the query, kept apart from what errors and logs may show.
    secret: Option<(&'static str, SecretString)>,
    body: Option<Value>,
    priority: Priority,
    repeatable: bool,
}

impl Request {
    /// Returns a read of `path`, which begins with a slash and is encoded already (see
    /// [`segment`]); it is repeatable. `operation` is its name in the metrics.
    pub fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self { repeatable: true, ..Self::new(operation, Method::GET, path) }
    }

    /// Returns a request that is sent at most once unless made [`repeatable`](Self::repeatable).
    pub fn new(operation: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self {
            operation,
            method,
            target: path.into(),
            secret: None,
            body: None,
            priority: Priority::Normal,
            repeatable: false,
        }
    }

    /// Adds `name=value` to the query, encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(&segment(name));
        self.target.push('=');
        self.target.push_str(&segment(value));
        self
    }

    /// Adds `name=value` to the query as it is sent, for providers that take a key nowhere else; no
    /// error and no log shows it.
    #[must_use]
    pub fn secret_query(self, name: &'static str, value: SecretString) -> Self {
        Self { secret: Some((name, value)), ..self }
    }

    /// Gives it a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Lets it use the part of the allowance that is kept back.
    #[must_use]
    pub fn urgent(mut self) -> Self {
        self.priority = Priority::Urgent;
        self
    }

    /// States that sending it twice does no more than sending it once.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(super) fn operation(&self) -> &'static str {
        self.operation
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// Returns the target as it is sent, with what must not be shown.
    pub(super) fn sent_target(&self) -> String {
        let Some((name, value)) = &self.secret else { return self.target.clone() };
        let link = if self.target.contains('?') { '&' } else { '?' };
        format!("{}{link}{name}={}", self.target, segment(value.expose_secret()))
    }

    /// Returns the value in the query that must not be shown.
    pub(super) fn secret(&self) -> Option<&SecretString> {
        self.secret.as_ref().map(|(_, value)| value)
    }

    pub(super) fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    pub(super) fn priority(&self) -> Priority {
        self.priority
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.repeatable
    }
}

/// Returns `text` for use in a path or a query: all but the unreserved characters of RFC 3986
/// percent-encoded, and a dot too where dots alone would name another place.
pub fn segment(text: &str) -> String {
    use std::fmt::Write;

    let dots_only = text.bytes().all(|byte| byte == b'.');
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'.' if !dots_only => encoded.push('.'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("writing to a string never fails"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_path_cannot_leave_it() {
        for (text, expected) in [
            ("AAPL", "AAPL"),
            ("BRK.B", "BRK.B"),
            ("..", "%2E%2E"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("2026-03-02T15:04:05+00:00", "2026-03-02T15%3A04%3A05%2B00%3A00"),
            ("ä\r\n", "%C3%A4%0D%0A"),
        ] {
            assert_eq!(segment(text), expected);
        }
        let request = Request::get("x", "/v2/orders").query("status", "all").query("symbols", "A,B");
        assert_eq!(request.target(), "/v2/orders?status=all&symbols=A%2CB");
        let keyed = request.secret_query("api_key", "hush".into());
        assert_eq!(keyed.sent_target(), "/v2/orders?status=all&symbols=A%2CB&api_key=hush");
        assert!(!keyed.target().contains("hush") && !format!("{keyed:?}").contains("hush"), "{keyed:?}");
    }
}
