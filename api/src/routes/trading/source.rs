//! Where the figures of a reply come from, and how old they are.
//!
//! The API never asks the broker: workers write down what it says, and these routes read that.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use jobs::db::broker_state::{self, AccountView, State};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult, ErrorBody, ErrorCode, codes},
    state::AppState,
    timestamp,
};

/// Older than this, what the broker said counts as stale. Seconds.
const FRESH_S: f64 = 90.0;
/// When to ask again for what the broker has not said yet. Seconds.
const RETRY_S: u64 = 5;

/// Where the figures come from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Source {
    /// `alpaca_live`, `cache_stale` or `unavailable`.
    #[serde(rename = "source")]
    word: &'static str,
    /// When the broker was last asked; the time of the reply if never.
    fetched_at: String,
    /// Whether it was more than 90 s ago.
    is_stale: bool,
    /// How long ago, in seconds; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_age: Option<f64>,
}

impl Source {
    /// Returns the word for it.
    pub(super) fn word(&self) -> &'static str {
        self.word
    }
}

/// Who says so, for clients of `_metadata`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    /// `alpaca`, or `database` for what the broker has not said anything about yet.
    source: &'static str,
    synced_at: String,
    /// Whether our own records have it too.
    has_database_record: bool,
}

impl Metadata {
    /// Returns the metadata of something that the broker `said`, or not yet, and that is
    /// `recorded`, or not.
    pub(super) fn new(seen: &Seen, said: bool, recorded: bool) -> Self {
        let at = seen.broker.synced_at.unwrap_or(seen.now);
        let source = if said { "alpaca" } else { "database" };
        Self { source, synced_at: timestamp::text(at), has_database_record: recorded }
    }
}

/// What the broker last said, and where that leaves a reply.
#[derive(Debug)]
pub(in crate::routes) struct Seen {
    pub(in crate::routes) broker: State,
    pub(in crate::routes) source: Source,
    configured: bool,
    now: DateTime<Utc>,
}

#[derive(Serialize)]
struct Away {
    #[serde(flatten)]
    error: ErrorBody,
    #[serde(rename = "_source")]
    source: Source,
}

impl Seen {
    /// Reads what the broker last said.
    pub(in crate::routes) async fn load(conn: &mut PgConnection, state: &AppState) -> ApiResult<Self> {
        let broker = broker_state::state(conn).await?;
        Ok(Self::new(broker, is_configured(state), Utc::now()))
    }

    fn new(broker: State, configured: bool, now: DateTime<Utc>) -> Self {
        let age = broker.age.filter(|_| configured).map(|age| age.as_secs_f64());
        let source = Source {
            word: match age {
                None => "unavailable",
                Some(age) if age < FRESH_S => "alpaca_live",
                Some(_) => "cache_stale",
            },
            fetched_at: timestamp::text(broker.synced_at.unwrap_or(now)),
            is_stale: age.is_none_or(|age| age >= FRESH_S),
            cache_age: age.map(|age| (age * 1000.0).round() / 1000.0),
        };
        Self { broker, source, configured, now }
    }

    /// Returns whether the broker has said anything.
    pub(super) fn is_available(&self) -> bool {
        self.source.cache_age.is_some()
    }

    /// Returns whether the broker has said something lately.
    pub(in crate::routes) fn is_live(&self) -> bool {
        !self.source.is_stale
    }

    /// Returns the account, or why there is none.
    pub(in crate::routes) fn account(&self) -> ApiResult<&AccountView> {
        let account = self.broker.account.as_ref().filter(|_| self.is_available());
        account.ok_or_else(|| self.refusal())
    }

    /// Returns the error of a read that needs what the broker says.
    pub(in crate::routes) fn refusal(&self) -> ApiError {
        let (code, message) = self.reason();
        ApiError::new(code, message).retry_after(RETRY_S)
    }

    fn reason(&self) -> (ErrorCode, String) {
        if !self.configured {
            return (codes::BROKER_NOT_CONFIGURED, "no broker is configured".to_owned());
        }
        let message = match &self.broker.error {
            Some(error) => format!("the broker has not answered yet: {error}"),
            None => "the broker has not been asked yet: a worker does so within a minute".to_owned(),
        };
        (codes::BROKER_UNAVAILABLE, message)
    }

    /// Returns the reply 503 that also says where its figures would have come from.
    pub(super) fn away(&self) -> Response {
        let (code, message) = self.reason();
        let error = ErrorBody {
            error: message.clone(),
            message,
            code: code.name().to_owned(),
            status_code: code.status().as_u16(),
            timestamp: timestamp::text(self.now),
            details: None,
            user_capabilities: None,
        };
        let body = Json(Away { error, source: self.source.clone() });
        let retry = [("retry-after", RETRY_S.to_string())];
        (StatusCode::SERVICE_UNAVAILABLE, retry, body).into_response()
    }
}

/// Returns whether orders can go anywhere.
pub(in crate::routes) fn is_configured(state: &AppState) -> bool {
    state.config.broker.keys().is_some()
}

/// Refuses with 503 what only makes sense with a broker.
pub(in crate::routes) fn require_broker(state: &AppState) -> ApiResult<()> {
    if is_configured(state) {
        return Ok(());
    }
    Err(ApiError::new(codes::BROKER_NOT_CONFIGURED, "no broker is configured"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn never() -> State {
        State {
            account: None,
            clock: None,
            synced_at: None,
            clock_at: None,
            age: None,
            error: None,
            error_at: None,
        }
    }

    #[test]
    fn what_the_broker_said_grows_stale_after_ninety_seconds() {
        let now = Utc::now();
        for (age, configured, source, stale) in [
            (Some(0.0), true, "alpaca_live", false),
            (Some(89.9), true, "alpaca_live", false),
            (Some(90.0), true, "cache_stale", true),
            (Some(9e9), true, "cache_stale", true),
            (None, true, "unavailable", true),
            (Some(1.0), false, "unavailable", true),
        ] {
            let age = age.map(Duration::from_secs_f64);
            let seen = Seen::new(State { age, synced_at: age.map(|_| now), ..never() }, configured, now);
            assert_eq!((seen.source.word, seen.source.is_stale), (source, stale), "{age:?}");
            assert_eq!(seen.is_available(), source != "unavailable");
        }
    }

    #[test]
    fn without_a_broker_the_refusal_says_so() {
        let of = |configured| Seen::new(never(), configured, Utc::now()).refusal().code();
        assert_eq!(of(false), codes::BROKER_NOT_CONFIGURED);
        assert_eq!(of(true), codes::BROKER_UNAVAILABLE);
    }
}
