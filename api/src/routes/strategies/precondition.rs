//! Optimistic locking, for clients that ask for it.

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::error::{ApiError, ApiResult, codes};

/// The versions a change may be based on; without any, every version is fine.
#[derive(Debug, Default)]
pub(super) struct Precondition {
    if_match: Option<Vec<i32>>,
    version: Option<i32>,
}

impl Precondition {
    /// Reads `If-Match` and takes the `version` of the body. `*` is no condition: that
    /// the row exists is checked anyway.
    pub(super) fn new(headers: &HeaderMap, version: Option<i32>) -> ApiResult<Self> {
        let Some(value) = headers.get(header::IF_MATCH) else { return Ok(Self { if_match: None, version }) };
        let refuse = || {
            ApiError::invalid_field("If-Match", "If-Match must be an ETag of this strategy, such as \"3\"")
        };
        let text = value.to_str().map_err(|_| refuse())?.trim();
        if text == "*" {
            return Ok(Self { if_match: None, version });
        }
        let versions: Result<Vec<i32>, _> = text.split(',').map(parse).collect();
        Ok(Self { if_match: Some(versions.map_err(|()| refuse())?), version })
    }

    /// Refuses a change to a row at `current` that is based on another version: 412 when
    /// the header said so, 409 when the body did.
    pub(super) fn check(&self, current: i32) -> ApiResult<()> {
        if self.if_match.as_ref().is_some_and(|versions| !versions.contains(&current)) {
            return Err(conflict(current).with_status(StatusCode::PRECONDITION_FAILED));
        }
        if self.version.is_some_and(|version| version != current) {
            return Err(conflict(current));
        }
        Ok(())
    }
}

/// Returns the refusal of a change that lost a race.
pub(super) fn conflict(current: i32) -> ApiError {
    let message = format!("the strategy has changed: it is at version {current} now");
    ApiError::conflict(codes::VERSION_CONFLICT, message).with_details(json!({ "currentVersion": current }))
}

/// Proxies weaken ETags when they compress: `W/"3"` means `"3"` here.
fn parse(tag: &str) -> Result<i32, ()> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(tag);
    inner.parse().map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_change_needs_a_version_that_matches() {
        for (if_match, version, status) in [
            (None, None, None),
            (None, Some(3), None),
            (None, Some(2), Some(409)),
            (Some("\"3\""), None, None),
            (Some("W/\"3\""), None, None),
            (Some("3"), None, None),
            (Some("\"1\", \"3\""), None, None),
            (Some("*"), None, None),
            (Some("\"2\""), None, Some(412)),
            (Some("\"3\""), Some(2), Some(409)),
            (Some("\"abc\""), None, Some(400)),
            (Some(""), None, Some(400)),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(text) = if_match {
                headers.insert("if-match", HeaderValue::from_static(text));
            }
            let outcome = Precondition::new(&headers, version).and_then(|condition| condition.check(3));
            assert_eq!(
                outcome.err().map(|error| error.status().as_u16()),
                status,
                "{if_match:?} {version:?}"
            );
        }
    }
}
