//! Keyset pages whose bodies stay plain arrays: the cursor travels in headers.
//!
//! A cursor is hex of JSON. Clients must not read it: its content may change.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::IntoParams;

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Query,
};

/// Most rows a page may hold.
pub const MAX_LIMIT: i64 = 500;

/// The query parameters of a list, for the OpenAPI document too.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most rows of the reply, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Where to go on: `X-Next-Cursor` of the page before.
    cursor: Option<String>,
}

/// The page a request asks for.
#[derive(Debug, Clone)]
pub struct Page {
    limit: Option<i64>,
    cursor: Option<String>,
    uri: Uri,
}

/// A reply of one page: a plain array, and where the next one starts in the headers
/// `X-Next-Cursor` and `Link`.
#[derive(Debug)]
pub struct Paged<T> {
    items: Vec<T>,
    next: Option<(String, String)>,
}

/// Returns `key` as an opaque cursor.
pub fn encode<K: Serialize>(key: &K) -> ApiResult<String> {
    serde_json::to_vec(key).map(hex::encode).map_err(ApiError::internal)
}

/// Returns the key in a cursor made by [`encode`], or 400 `INVALID_CURSOR`.
pub fn decode<K: DeserializeOwned>(cursor: &str) -> ApiResult<K> {
    let refuse = || ApiError::bad_request(codes::INVALID_CURSOR, "the cursor is not valid");
    let bytes = hex::decode(cursor).map_err(|_| refuse())?;
    let key: Value = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
    if !storable(&key) {
        return Err(refuse());
    }
    serde_json::from_value(key).map_err(|_| refuse())
}

/// Returns whether Postgres can hold what is in a key. A forged one may name a time before
/// Postgres' first, or hold U+0000; ours never do.
fn storable(key: &Value) -> bool {
    match key {
        Value::String(text) => {
            let time = text.parse::<DateTime<Utc>>().ok();
            !text.contains('\0') && time.is_none_or(|time| (0..=9999).contains(&time.year()))
        }
        Value::Array(parts) => parts.iter().all(storable),
        Value::Object(parts) => parts.values().all(storable),
        _ => true,
    }
}

impl Page {
    /// Returns how many rows are asked for, `default` when nothing is said.
    pub fn limit(&self, default: i64) -> i64 {
        self.limit.unwrap_or(default)
    }

    /// Returns the key to go on after, `None` on the first page.
    pub fn after<K: DeserializeOwned>(&self) -> ApiResult<Option<K>> {
        self.cursor.as_deref().map(decode).transpose()
    }

    /// Returns the reply for `items`, of which there is one more than `limit` when
    /// another page follows. `key` is the sort key of a row.
    pub fn reply<T, K: Serialize>(
        &self,
        mut items: Vec<T>,
        limit: i64,
        key: impl Fn(&T) -> K,
    ) -> ApiResult<Paged<T>> {
        let limit = usize::try_from(limit).map_err(ApiError::internal)?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = match items.last() {
            Some(last) if more => {
                let cursor = encode(&key(last))?;
                let link = self.next_link(&cursor);
                Some((cursor, link))
            }
            _ => None,
        };
        Ok(Paged { items, next })
    }

    fn next_link(&self, cursor: &str) -> String {
        let kept = self.uri.query().unwrap_or_default().split('&');
        let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let query: Vec<&str> = kept.collect();
        let joint = if query.is_empty() { "" } else { "&" };
        format!("<{}?{}{joint}cursor={cursor}>; rel=\"next\"", self.uri.path(), query.join("&"))
    }
}

impl<T> Paged<T> {
    /// Maps the rows, for example to their JSON view.
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Paged<U> {
        Paged { items: self.items.into_iter().map(view).collect(), next: self.next }
    }
}

impl<T> Paged<T> {
    /// Returns the reply for clients that expect the rows inside an object; where the next page
    /// starts is in the headers all the same.
    pub fn wrapped<B: Serialize>(self, body: impl FnOnce(Vec<T>) -> B) -> Response {
        let mut response = Json(body(self.items)).into_response();
        announce(&mut response, self.next);
        response
    }
}

/// Says in the headers where the next page starts.
fn announce(response: &mut Response, next: Option<(String, String)>) {
    if let Some((cursor, link)) = next {
        let headers = response.headers_mut();
        if let (Ok(cursor), Ok(link)) = (HeaderValue::try_from(cursor), HeaderValue::try_from(link)) {
            headers.insert("x-next-cursor", cursor);
            headers.insert(header::LINK, link);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(PageQuery { limit, cursor }) = Query::from_request_parts(parts, state).await?;
        if let Some(limit) = limit.filter(|limit| !(1..=MAX_LIMIT).contains(limit)) {
            let message = format!("limit must be between 1 and {MAX_LIMIT}, not {limit}");
            return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
        }
        let cursor = cursor.filter(|text| !text.is_empty());
        Ok(Self { limit, cursor, uri: parts.uri.clone() })
    }
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        self.wrapped(|items| items)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(uri: &str) -> Page {
        Page { limit: None, cursor: None, uri: uri.parse().expect("a URI") }
    }

    #[test]
    fn the_last_page_has_no_next() {
        let reply = page("/list").reply(vec![1, 2], 2, |n| *n).expect("a page");
        assert!(reply.next.is_none());
    }

    #[test]
    fn the_link_keeps_other_parameters_and_replaces_the_cursor() {
        let reply = page("/list?limit=2&cursor=old&q=a%20b").reply(vec![1, 2, 3], 2, |n| *n).expect("a page");
        let (cursor, link) = reply.next.expect("a third row follows");
        assert_eq!(decode::<i32>(&cursor).expect("ours"), 2);
        assert_eq!(link, format!("</list?limit=2&q=a%20b&cursor={cursor}>; rel=\"next\""));
        assert_eq!(reply.items, [1, 2]);
    }

    #[test]
    fn a_forged_cursor_names_nothing_that_postgres_can_not_hold() {
        for (key, taken) in [
            ("2024-01-01T00:00:00.000001Z", true),
            ("-262143-01-01T00:00:00Z", false),
            ("+262142-12-31T23:59:59Z", false),
            ("a\0b", false),
            ("no time", true),
        ] {
            let cursor = encode(&(key, 1)).expect("plain values");
            assert_eq!(decode::<(String, i64)>(&cursor).is_ok(), taken, "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went(key in any::<(i64, u128)>()) {
            let key = (key.0, key.1.to_string());
            prop_assert_eq!(decode::<(i64, String)>(&encode(&key).expect("plain values")).expect("ours"), key);
        }

        #[test]
        fn any_other_text_is_refused(text in "\\PC*") {
            if let Err(error) = decode::<(i64, String)>(&text) {
                prop_assert_eq!(error.code(), codes::INVALID_CURSOR);
            }
        }
    }
}
