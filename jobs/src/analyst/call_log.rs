//! The record of every call, also of those that were not made. It never holds a key.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::timeout;
use tracing::warn;

use crate::{
    db::llm::{self, Call},
    external::storable::storable,
};

/// The longest that the database may take; the answer does not depend on the record.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest prompt or answer that is kept, in bytes.
const LONGEST: usize = 32 * 1024;
/// The longest error that is kept, in characters.
const LONGEST_ERROR: usize = 500;

/// Where calls are recorded.
#[derive(Debug, Clone)]
pub(super) struct CallLog {
    pool: PgPool,
    keys: Vec<SecretString>,
}

impl CallLog {
    /// Returns a log in which none of `keys` can appear, whoever repeats them.
    pub(super) fn new(pool: PgPool, keys: Vec<SecretString>) -> Self {
        Self { pool, keys }
    }

    /// Records a call.
    pub(super) async fn record(&self, call: Call) {
        let call = Call {
            reason: call.reason.map(|text| self.text(&text)),
            error: call.error.map(|text| self.text(&text)),
            prompt: call.prompt.map(|value| self.kept(&value)),
            response: call.response.map(|value| self.kept(&value)),
            ..call
        };
        let record = async { llm::record(&mut *self.pool.acquire().await?, &call).await };
        let provider = &call.provider;
        match timeout(PATIENCE, record).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(provider, %error, "could not record a call of {provider}: {error}"),
            Err(_) => warn!(provider, "could not record a call of {provider} in time"),
        }
    }

    /// Returns a short text for the record and for people.
    pub(super) fn text(&self, text: &str) -> String {
        self.masked(text.to_owned()).chars().filter(|c| *c != '\0').take(LONGEST_ERROR).collect()
    }

    fn masked(&self, text: String) -> String {
        self.keys.iter().fold(text, |text, key| match key.expose_secret() {
            "" => text,
            key => text.replace(key, "***"),
        })
    }

    fn kept(&self, value: &Value) -> Value {
        let text = self.masked(storable(&value.to_string()).into_owned());
        if text.len() <= LONGEST {
            return serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }));
        }
        let end = text.floor_char_boundary(LONGEST);
        json!({ "truncated": true, "bytes": text.len(), "beginning": &text[..end] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_are_masked_and_what_is_long_is_cut() {
        let pool = PgPool::connect_lazy("postgres://nobody@localhost/none").expect("a URL");
        let log = CallLog::new(pool, vec!["sk-planted".into()]);
        assert_eq!(log.text("bad key sk-planted\0"), "bad key ***");
        assert_eq!(log.kept(&json!({"echo": "sk-planted\0"})), json!({"echo": "***\u{fffd}"}));
        let cut = log.kept(&json!("ä".repeat(LONGEST)));
        assert_eq!(cut["truncated"], json!(true));
        assert!(cut.to_string().len() < LONGEST + 200);
    }
}
