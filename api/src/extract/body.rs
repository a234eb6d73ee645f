//! JSON bodies, read as tolerantly as existing clients need and no more.

mod strict;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::strict::{Strict, in_json_words};
use crate::error::{ApiError, ApiResult, codes};

/// The longest free-form value, in bytes of JSON.
const MAX_JSON: usize = 16 * 1024;

/// The body as `T`. An empty body reads as `{}`, whatever its content type says.
///
/// 400 `INVALID_JSON` names line and column, 400 `INVALID_FIELD` the field, 413 is a
/// body over the limit, 415 one that is declared as something else.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(codes::BODY_TOO_LARGE, "the body is larger than the limit")
            } else {
                ApiError::bad_request(codes::INVALID_JSON, "the body ended early")
            }
        })?;
        if !json && !bytes.is_empty() {
            let message = "the body must be sent as application/json";
            return Err(ApiError::new(codes::UNSUPPORTED_MEDIA_TYPE, message));
        }
        decode(&bytes).map(Self)
    }
}

/// Returns whether the request declares JSON, or nothing at all.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::bad_request(codes::INVALID_JSON, format!("the body is not JSON: {error}"))
    })?;
    // Postgres text and jsonb can't hold U+0000.
    if let Some(field) = field_with_nul(&value) {
        return Err(ApiError::invalid_field(&field, format!("{field} holds the character U+0000")));
    }
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let field = error.path().to_string();
        let reason = in_json_words(&error.into_inner().to_string());
        let message = if field == "." { reason } else { format!("{field}: {reason}") };
        ApiError::invalid_field(&field, message)
    })
}

/// Returns whether a string or key in `value` holds U+0000, which Postgres can't store.
pub(crate) fn holds_nul(value: &Value) -> bool {
    field_with_nul(value).is_some()
}

/// Refuses a free-form `field` whose JSON is longer than 16 KiB: it is stored, shown and
/// audited as it is.
pub(crate) fn limit_json<T: serde::Serialize>(field: &str, value: &T) -> ApiResult<()> {
    let length = serde_json::to_vec(value).map_err(ApiError::internal)?.len();
    if length <= MAX_JSON {
        return Ok(());
    }
    let message = format!("{field} is {length} bytes of JSON, at most {MAX_JSON} are allowed");
    Err(ApiError::invalid_field(field, message))
}

fn field_with_nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(|| ".".to_owned()),
        Value::Array(items) => items.iter().find_map(field_with_nul),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let at_fault = name.contains('\0') || field_with_nul(value).is_some();
            at_fault.then(|| name.replace('\0', ""))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    struct Sample {
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        nested: Option<Box<Sample>>,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        list: Vec<Sample>,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        count: Option<u32>,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        id: Option<uuid::Uuid>,
    }

    #[test]
    fn malformed_bodies_get_a_code_and_a_place() {
        for (sent, code, text) in [
            ("{", codes::INVALID_JSON, "line 1 column 1"),
            ("{\"name\":1}", codes::INVALID_FIELD, "name: invalid type: integer `1`"),
            ("{\"nested\":{\"name\":[]}}", codes::INVALID_FIELD, "nested.name: invalid type"),
            ("[1]", codes::INVALID_FIELD, "invalid type: an array, expected an object"),
            ("[\"a\", null, 1]", codes::INVALID_FIELD, "expected an object"),
            ("\"a\"", codes::INVALID_FIELD, "expected an object"),
            ("null", codes::INVALID_FIELD, "expected an object"),
            (
                "{\"nested\":[\"a\"]}",
                codes::INVALID_FIELD,
                "nested: invalid type: an array, expected an object",
            ),
            (
                "{\"list\":[{\"name\":\"a\"},[\"a\"]]}",
                codes::INVALID_FIELD,
                "list[1]: invalid type: an array",
            ),
            ("{\"list\":{}}", codes::INVALID_FIELD, "list: invalid type: an object, expected an array"),
            ("{\"count\":-1}", codes::INVALID_FIELD, "expected a whole number in range, not negative"),
            (
                "{\"count\":{}}",
                codes::INVALID_FIELD,
                "count: invalid type: an object, expected a whole number",
            ),
            ("{\"id\":\"x\"}", codes::INVALID_FIELD, "id: "),
            ("{\"name\":\"a\\u0000b\"}", codes::INVALID_FIELD, "name holds the character U+0000"),
            ("{\"name\":1e999}", codes::INVALID_JSON, "number out of range"),
            ("{\"name\":\"\\ud800\"}", codes::INVALID_JSON, "hex escape"),
        ] {
            let error = decode::<Sample>(sent.as_bytes()).expect_err(sent);
            assert_eq!(error.code(), code, "{sent}");
            assert!(error.to_string().contains(text), "{sent}: {error}");
            let words = ["struct", "Sample", "u32", "i64", "map", "sequence"];
            assert!(words.iter().all(|word| !error.to_string().contains(word)), "{sent}: {error}");
        }
    }

    #[test]
    fn an_empty_body_reads_as_an_empty_object() {
        for sent in ["", " \r\n"] {
            let read = decode::<Sample>(sent.as_bytes()).expect("all fields are optional");
            assert!(read.name.is_none() && read.nested.is_none());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode::<Sample>(&bytes);
        }
    }
}
