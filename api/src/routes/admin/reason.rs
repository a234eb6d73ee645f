//! Why an operator does something: kept in the audit log.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult},
    plain_text::plain,
};

const LONGEST: usize = 500;

/// Why it is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "the broker is down until noon"}))]
pub(super) struct Reasoned {
    /// Not empty, at most 500 characters.
    reason: Option<String>,
}

impl Reasoned {
    /// Returns the reason, or 400.
    pub(super) fn required(&self) -> ApiResult<String> {
        required(self.reason.as_deref())
    }

    /// Returns the reason, if one is given.
    pub(super) fn optional(&self) -> ApiResult<Option<String>> {
        optional(self.reason.as_deref())
    }
}

/// Returns a reason that must be given.
pub(super) fn required(sent: Option<&str>) -> ApiResult<String> {
    optional(sent)?.ok_or_else(|| ApiError::invalid_field("reason", "reason must not be empty"))
}

/// Returns a reason that may be given.
pub(super) fn optional(sent: Option<&str>) -> ApiResult<Option<String>> {
    let text = plain(sent.unwrap_or_default());
    let length = text.chars().count();
    if length > LONGEST {
        let message = format!("reason has {length} characters, at most {LONGEST} are allowed");
        return Err(ApiError::invalid_field("reason", message));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
