//! What a provider said, once it is known to be whole, small enough and what it claims to be.

use std::{borrow::Cow, time::Duration};

use chrono::{DateTime, Utc};
use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_TYPE, DATE, RETRY_AFTER},
    response::Parts,
};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    ExternalError,
    error::cut,
    secrets::{Secrets, one_line},
    storable::storable,
};

const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// How long to stay away when a provider does not say.
const UNSAID: Duration = Duration::from_secs(10);
/// No provider's word keeps the fleet away for longer.
const LONGEST: Duration = Duration::from_mins(5);
/// The longest body of a refusal that is kept, in bytes.
const REFUSAL: usize = 64 * 1024;

/// An answer as it came; the body is its limit when it was longer than that.
pub(super) struct Raw {
    pub(super) head: Parts,
    pub(super) body: Result<Bytes, usize>,
}

/// The answer to a request that succeeded.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    json: bool,
    body: Bytes,
    secrets: Secrets,
}

impl Answer {
    /// Returns the status, from 200 to 299.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body as it came, whatever it says that it is; only JSON has lost its NULs, see
    /// [`storable`].
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns `text`, some of this answer, without the secrets of the request, which a provider may
    /// repeat.
    pub(crate) fn masked(&self, text: &str) -> String {
        self.secrets.mask(text)
    }

    /// Returns the body as `T`; it must say that it is JSON, be JSON, and have `T`'s types.
    /// Fields that `T` does not know are passed over.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ExternalError> {
        self.must_be_json()?;
        serde_json::from_slice(&self.body).map_err(|error| malformed(&self.masked(&error.to_string())))
    }

    /// Returns the body, which must say that it is JSON.
    pub fn text(&self) -> Result<&str, ExternalError> {
        self.must_be_json()?;
        std::str::from_utf8(&self.body).map_err(|error| malformed(&error.to_string()))
    }

    fn must_be_json(&self) -> Result<(), ExternalError> {
        if self.json {
            return Ok(());
        }
        Err(malformed(&format!("not JSON but {}", preview(&self.body, &self.secrets))))
    }
}

/// Returns what a caller may make of `raw`; no error shows one of `secrets`.
pub(super) fn judge(raw: Raw, secrets: Secrets) -> Result<Answer, ExternalError> {
    let Raw { head, body } = raw;
    let status = head.status.as_u16();
    match status {
        200..=299 => {
            let body = body.map_err(|limit| malformed(&format!("a body of more than {limit} bytes")))?;
            let json = is_json(&head.headers);
            Ok(Answer { status, json, body: if json { without_nul(body) } else { body }, secrets })
        }
        429 if is_final(body.as_deref().unwrap_or_default()) => Err(refused(status, body, &secrets)),
        429 => Err(ExternalError::RateLimited { until: Utc::now() + wait(&head.headers, Utc::now()) }),
        408 | 500..=599 => Err(ExternalError::Unknown {
            reason: format!("answered with {status}: {}", preview(&body.unwrap_or_default(), &secrets)),
        }),
        400..=499 => Err(refused(status, body, &secrets)),
        _ => Err(malformed(&format!("status {status}, which answers nothing"))),
    }
}

fn refused(status: u16, body: Result<Bytes, usize>, secrets: &Secrets) -> ExternalError {
    let body = body.unwrap_or_default();
    let body = String::from_utf8_lossy(&body[..body.len().min(REFUSAL)]);
    // As it may be stored: the database holds no NUL, be it in the text or in JSON that is read from it.
    ExternalError::Refused { status, body: storable(&one_line(&secrets.mask(&body))).into_owned() }
}

fn without_nul(body: Bytes) -> Bytes {
    let changed = match std::str::from_utf8(&body).map(storable) {
        Ok(Cow::Owned(json)) => Some(json),
        _ => None,
    };
    changed.map_or(body, Bytes::from)
}

/// Returns whether a 429 says that the account's quota is used up, which no waiting cures.
fn is_final(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    ["code", "type"].iter().any(|key| body["error"][key] == "insufficient_quota")
}

fn malformed(reason: &str) -> ExternalError {
    ExternalError::Malformed { reason: one_line(cut(reason)) }
}

fn preview(body: &[u8], secrets: &Secrets) -> String {
    let text = secrets.mask(&String::from_utf8_lossy(&body[..body.len().min(400)]));
    let text: String = one_line(&text).chars().take(120).collect();
    format!("{text:?}")
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.ends_with("+json")
}

/// Returns how long a provider wants to be left alone: `Retry-After`, or the time at which its
/// window begins anew, measured by its own clock where it tells it.
fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let http_date = |text: &str| DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc));
    let their_now = text(DATE).and_then(http_date).unwrap_or(now);
    let after = text(RETRY_AFTER).and_then(|value| match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => http_date(value).map(|at| (at - their_now).to_std().unwrap_or_default()),
    });
    let reset = || {
        let at = DateTime::from_timestamp(text(RESET)?.parse().ok()?, 0)?;
        // A header to the second may lie almost a second in the past.
        Some((at - their_now).to_std().unwrap_or_default() + Duration::from_secs(1))
    };
    after.or_else(reset).unwrap_or(UNSAID).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges an answer in JSON to a request with a key in a header and one in its query.
    fn judged(status: u16, body: &str) -> Result<Answer, ExternalError> {
        let mut secrets = Secrets::default();
        secrets.add_header(&"Bearer headerkey".into());
        secrets.add_query(&"query/key".into());
        let answer = http::Response::builder().status(status).header(CONTENT_TYPE, "application/json");
        let (head, ()) = answer.body(()).expect("an answer").into_parts();
        judge(Raw { head, body: Ok(Bytes::copy_from_slice(body.as_bytes())) }, secrets)
    }

    #[test]
    fn no_error_repeats_a_secret_even_in_part() {
        // A message shows 120 characters: the key is cut there.
        let long = format!("{}query/key", "x".repeat(115));
        for status in [200, 400, 401, 404, 500, 503] {
            for body in [r#""headerkey query/key query%2Fkey""#, &long] {
                let error = judged(status, body).and_then(|answer| answer.json::<u32>());
                let error = format!("{:?}", error.expect_err("it is no number"));
                for part in ["headerkey", "query/", "query%2F"] {
                    assert!(!error.contains(part), "{status}, {body}: {error}");
                }
            }
        }
        let answer = judged(200, "[\"query%2Fkey\"]").expect("a success");
        assert_eq!(answer.body(), b"[\"query%2Fkey\"]", "what is read stays as it came");
        assert_eq!(answer.masked("[\"query%2Fkey\"]"), "[\"***\"]");
    }

    #[test]
    fn control_characters_of_a_refusal_become_spaces() {
        let error = judged(400, "a\0b\r\nc").expect_err("a refusal");
        assert_eq!(error, ExternalError::Refused { status: 400, body: "a b  c".to_owned() });
    }

    #[test]
    fn json_that_is_read_from_an_answer_has_no_nul() {
        let said = judged(200, r#"{"a\u0000":["\u0000"]}"#).and_then(|answer| answer.json::<Value>());
        assert_eq!(said.expect("JSON"), serde_json::json!({"a\u{fffd}": ["\u{fffd}"]}));
        let ExternalError::Refused { body, .. } =
            judged(403, r#"{"message":"\u0000no"}"#).expect_err("a refusal")
        else {
            panic!("a 403 is a refusal");
        };
        assert_eq!(body, r#"{"message":"\ufffdno"}"#);
    }

    #[test]
    fn the_wait_is_what_the_provider_says_by_its_own_clock_and_never_too_long() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        let date =
            |offset: i64| (now + chrono::Duration::seconds(offset)).to_rfc2822().replace("+0000", "GMT");
        for (headers, seconds) in [
            (vec![], 10),
            (vec![("retry-after", "7".to_owned())], 7),
            (vec![("retry-after", date(30))], 30),
            (vec![("retry-after", date(3630)), ("date", date(3600))], 30),
            (vec![("x-ratelimit-reset", "1780000020".to_owned())], 21),
            (vec![("x-ratelimit-reset", "1780003620".to_owned()), ("date", date(3600))], 21),
            (vec![("x-ratelimit-reset", "1770000000".to_owned())], 1),
            (vec![("x-ratelimit-reset", "soon".to_owned()), ("retry-after", "soon".to_owned())], 10),
            (vec![("retry-after", "999999999".to_owned())], 300),
            (vec![("retry-after", "3".to_owned()), ("x-ratelimit-reset", "1780000050".to_owned())], 3),
        ] {
            let map = headers
                .iter()
                .map(|(name, value)| {
                    (HeaderName::from_static(name), value.parse().expect("a header's value"))
                })
                .collect();
            assert_eq!(wait(&map, now), Duration::from_secs(seconds), "{headers:?}");
        }
    }
}
