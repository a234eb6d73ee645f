//! What answers and failures mean in the broker's terms.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::{BrokerError, Refusal};
use crate::external::{Answer, ExternalError};

pub(super) fn json<T: DeserializeOwned>(answer: &Answer) -> Result<T, BrokerError> {
    answer.json().map_err(BrokerError::from)
}

impl From<ExternalError> for BrokerError {
    fn from(error: ExternalError) -> Self {
        match error {
            ExternalError::Refused { status, body } => Self::Refused(refusal(status, &body)),
            ExternalError::RateLimited { until } => Self::RateLimited { until },
            ExternalError::Unavailable { reason, until } => Self::NotSent { reason, retry_at: Some(until) },
            ExternalError::NotSent { reason } | ExternalError::Config(reason) => {
                Self::NotSent { reason, retry_at: None }
            }
            ExternalError::Unknown { reason } => Self::Unknown { reason },
            ExternalError::Malformed { reason } => Self::Malformed { reason },
        }
    }
}

/// Returns what a refusal says: `{"code", "message", …}`, or anything else as it is.
fn refusal(status: u16, body: &str) -> Refusal {
    let Ok(mut details) = serde_json::from_str::<Map<String, Value>>(body) else {
        let message = match body.trim() {
            "" => "no reason given".to_owned(),
            text => text.chars().take(200).collect(),
        };
        return Refusal { status, code: None, message, details: Map::new() };
    };
    let code = details.get("code").and_then(Value::as_u64).and_then(|code| u32::try_from(code).ok());
    let message = match details.get("message") {
        Some(Value::String(message)) => message.clone(),
        _ => "no reason given".to_owned(),
    };
    details.remove("code");
    details.remove("message");
    Refusal { status, code, message, details }
}

/// Returns whether the broker itself says that there is no such thing: a 404 of anything in
/// between, or of a wrong address, has no code of its.
pub(super) fn is_absence(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.code.is_some()
}

/// Returns the error for a 404 that is not the broker's word.
pub(super) fn no_absence(refusal: &Refusal) -> BrokerError {
    BrokerError::Malformed { reason: format!("404 without a code of the broker's: {}", refusal.message) }
}
