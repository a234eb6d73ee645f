//! What every language model is asked and answers, whoever runs it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderName;
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::Value;

use crate::external::{Answer, ExternalError, storable::storable};

/// Tokens that a provider's own framing may add to a request, at most.
const FRAMING: usize = 256;

/// How a provider wants to be asked for JSON of a given schema, and how it answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Where questions go.
    pub(super) path: &'static str,
    /// Says who asks.
    pub(super) headers: fn(&SecretString) -> Vec<(HeaderName, SecretString)>,
    /// Writes a question.
    pub(super) body: fn(&Prompt) -> Value,
    /// Reads an answer.
    pub(super) read: fn(&Answer) -> Result<Completion, ExternalError>,
}

/// What a model is asked.
#[derive(Debug, Clone)]
pub(super) struct Prompt {
    /// The model's id at the provider.
    pub(super) model: String,
    /// Who it is to be, and the rules.
    pub(super) system: String,
    /// The question, with its data.
    pub(super) user: String,
    /// The schema of the answer.
    pub(super) schema: Value,
    /// Most tokens of the answer.
    pub(super) max_tokens: u32,
    /// How freely it may choose its words, 0 to 2.
    pub(super) temperature: Decimal,
}

impl Prompt {
    /// Returns the prompt again, with what was wrong with the last answer.
    pub(super) fn corrected(&self, problem: &str) -> Self {
        let user = format!(
            "{}\n\nYour last answer was not valid: {problem}\nAnswer again, with the JSON object alone.",
            self.user
        );
        Self { user, ..self.clone() }
    }

    /// Returns more tokens than the call can take, in and out: none is shorter than a byte.
    pub(super) fn most_tokens(&self) -> (u64, u64) {
        let bytes = self.system.len() + self.user.len() + self.schema.to_string().len() + FRAMING;
        (u64::try_from(bytes).unwrap_or(u64::MAX), self.max_tokens.into())
    }

    /// Returns the prompt for the record.
    pub(super) fn recorded(&self) -> Value {
        serde_json::json!({ "system": self.system, "user": self.user })
    }
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Of the prompt.
    pub(super) input: u64,
    /// Of the answer.
    pub(super) output: u64,
}

/// A whole answer of a model.
#[derive(Debug, Clone)]
pub(super) struct Completion {
    /// What it says.
    pub(super) content: Content,
    /// What it took, if the provider says so.
    pub(super) usage: Option<Usage>,
    /// The provider's id of the call.
    pub(super) request_id: Option<String>,
    /// The answer as it came, for the record.
    pub(super) raw: Value,
}

/// What a model says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// JSON, not validated yet.
    Json(Value),
    /// It will not answer this; asking again is no use.
    Refused(String),
    /// It answered with something else, and this is what is wrong with it.
    Unusable(String),
}

impl Content {
    /// Reads the text that is to be JSON: JSON of its own inside the provider's.
    pub(super) fn read(text: &str) -> Self {
        match serde_json::from_str::<Value>(&storable(text.trim())) {
            Ok(value @ Value::Object(_)) => Self::Json(value),
            Ok(_) => Self::Unusable("it is no JSON object".into()),
            Err(error) => Self::Unusable(format!("it is no JSON: {error}")),
        }
    }

    /// Returns what to say of an answer that ended at the limit of tokens.
    pub(super) fn cut() -> Self {
        Self::Unusable("it was cut at the limit of tokens; be much shorter".into())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ModelError {
    /// The account is turned away (the key, or a quota that is used up): only its owner can help.
    #[error("turned away: {0}")]
    Denied(ExternalError),
    /// The call failed.
    #[error("{0}")]
    Failed(ExternalError),
}

impl From<ExternalError> for ModelError {
    fn from(error: ExternalError) -> Self {
        match error {
            ExternalError::Refused { status: 401 | 402 | 403 | 429, .. } => Self::Denied(error),
            error => Self::Failed(error),
        }
    }
}

impl ModelError {
    /// Returns whether nothing was sent because it is known not to be worth it.
    pub(super) fn skipped(&self) -> bool {
        matches!(self, Self::Failed(ExternalError::Unavailable { .. } | ExternalError::Config(_)))
    }

    /// Returns whether the provider certainly takes no money for it.
    pub(super) fn is_free(&self) -> bool {
        let (Self::Denied(error) | Self::Failed(error)) = self;
        error.nothing_was_done()
    }

    /// Returns how long to wait before the same question may be worth another try.
    pub(super) fn again_in(&self, now: DateTime<Utc>) -> Option<Duration> {
        match self {
            Self::Failed(ExternalError::RateLimited { until }) => {
                Some((*until - now).to_std().unwrap_or_default())
            }
            Self::Failed(
                ExternalError::NotSent { .. }
                | ExternalError::Unknown { .. }
                | ExternalError::Malformed { .. },
            ) => Some(Duration::ZERO),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let now = Utc::now();
        let refused = |status| ExternalError::Refused { status, body: String::new() };
        for (error, again, free) in [
            (refused(401), false, true),
            (refused(403), false, true),
            (refused(429), false, true),
            (refused(400), false, true),
            (ExternalError::RateLimited { until: now }, true, true),
            (ExternalError::NotSent { reason: String::new() }, true, true),
            (ExternalError::Unknown { reason: String::new() }, true, false),
            (ExternalError::Malformed { reason: String::new() }, true, false),
            (ExternalError::Unavailable { reason: String::new(), until: now }, false, true),
        ] {
            let error = ModelError::from(error);
            assert_eq!((error.again_in(now).is_some(), error.is_free()), (again, free), "{error:?}");
        }
    }

    #[test]
    fn text_that_is_no_object_is_unusable_and_nul_does_not_come_through() {
        for text in ["", "I would buy", "[1]", "\"buy\"", "{\"action\":", "null"] {
            assert!(matches!(Content::read(text), Content::Unusable(_)), "{text}");
        }
        let read = Content::read(" {\"a\":\"x\\u0000y\"}\n");
        assert_eq!(read, Content::Json(serde_json::json!({"a": "x\u{fffd}y"})));
    }
}
