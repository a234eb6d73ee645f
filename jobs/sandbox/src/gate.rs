//! The gate before the trading API and market data: who asks, and how often.
//!
//! The two count apart, as two hosts would. Seconds here are the world's, not the replay's.
//! What lies under `/sandbox/` is not behind the gate, and neither are the sockets, which ask
//! for the key in their first message.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::error::ApiError;

const WINDOW: Duration = Duration::from_mins(1);
const SOCKETS: [&str; 5] = ["/stream", "/v2/iex", "/v2/sip", "/v2/delayed_sip", "/v2/test"];

/// The gate; clones count together.
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    key: String,
    secret: String,
    limit: u32,
    trading: Mutex<Option<Window>>,
    data: Mutex<Option<Window>>,
}

/// A minute in which requests are counted.
#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    /// Unix seconds at which it ends.
    ends: u64,
    taken: u32,
}

/// What a request was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grant {
    allowed: bool,
    remaining: u32,
    /// Unix seconds.
    reset: u64,
}

impl Gate {
    /// Returns a gate for clients that hold `key` and `secret`, and `limit` requests a minute;
    /// 0 is no limit.
    pub fn new(key: &str, secret: &str, limit: u32) -> Self {
        Self {
            inner: Arc::new(Inner {
                key: key.to_owned(),
                secret: secret.to_owned(),
                limit,
                trading: Mutex::default(),
                data: Mutex::default(),
            }),
        }
    }

    /// Returns whether `key` and `secret` are the ones that are asked for.
    pub fn opens(&self, key: &str, secret: &str) -> bool {
        key == self.inner.key && secret == self.inner.secret
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let (Some(key), Some(secret)) = (text("apca-api-key-id"), text("apca-api-secret-key")) {
            return self.opens(key, secret);
        }
        let Some((scheme, value)) =
            text(header::AUTHORIZATION.as_str()).and_then(|text| text.split_once(' '))
        else {
            return false;
        };
        match scheme.to_ascii_lowercase().as_str() {
            // There is one account, so the secret stands in for its token.
            "bearer" => value == self.inner.secret,
            "basic" => {
                let pair = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                pair.is_some_and(|pair| pair.split_once(':').is_some_and(|(k, s)| self.opens(k, s)))
            }
            _ => false,
        }
    }

    fn take(&self, path: &str, now: Instant, unix: u64) -> Grant {
        let of_data = path.starts_with("/v2/stocks/") || path.starts_with("/v1beta");
        let window = if of_data { &self.inner.data } else { &self.inner.trading };
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut current = window
            .filter(|window| now.duration_since(window.began) < WINDOW)
            .unwrap_or(Window { began: now, ends: unix + WINDOW.as_secs(), taken: 0 });
        let allowed = self.inner.limit == 0 || current.taken < self.inner.limit;
        current.taken = current.taken.saturating_add(u32::from(allowed));
        *window = Some(current);
        Grant { allowed, remaining: self.inner.limit.saturating_sub(current.taken), reset: current.ends }
    }
}

/// Lets a request through, or refuses it.
pub async fn keep(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/sandbox/") || SOCKETS.contains(&path) {
        return next.run(request).await;
    }
    if !gate.admits(request.headers()) {
        return ApiError::new(StatusCode::UNAUTHORIZED, 40_110_000, "request is not authorized")
            .into_response();
    }
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let grant = gate.take(path, Instant::now(), unix);
    let mut response =
        if grant.allowed { next.run(request).await } else { too_many_requests().into_response() };
    if gate.inner.limit > 0 {
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", HeaderValue::from(gate.inner.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(grant.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(grant.reset));
    }
    response
}

/// Returns the refusal of one request too many.
pub(crate) fn too_many_requests() -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, 42_910_000, "too many requests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_in_three_forms() {
        let gate = Gate::new("key", "secret", 0);
        let admits = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_str(value).expect("a valid header"));
            }
            gate.admits(&headers)
        };
        assert!(admits(&[("apca-api-key-id", "key"), ("apca-api-secret-key", "secret")]));
        assert!(admits(&[("authorization", &format!("Basic {}", STANDARD.encode("key:secret")))]));
        assert!(admits(&[("authorization", "Bearer secret")]));
        assert!(!admits(&[("apca-api-key-id", "key"), ("apca-api-secret-key", "other")]));
        assert!(!admits(&[("apca-api-key-id", "key")]));
        assert!(!admits(&[("authorization", "Basic !!")]));
        assert!(!admits(&[]));
    }

    #[test]
    fn the_limit_is_of_a_minute_and_of_one_api() {
        let gate = Gate::new("key", "secret", 2);
        let now = Instant::now();
        assert_eq!(gate.take("/v2/orders", now, 100), Grant { allowed: true, remaining: 1, reset: 160 });
        assert_eq!(gate.take("/v2/account", now, 101), Grant { allowed: true, remaining: 0, reset: 160 });
        assert_eq!(gate.take("/v2/orders", now, 102), Grant { allowed: false, remaining: 0, reset: 160 });
        assert!(gate.take("/v2/stocks/bars", now, 103).allowed);
        assert_eq!(
            gate.take("/v2/orders", now + WINDOW, 160),
            Grant { allowed: true, remaining: 1, reset: 220 }
        );
    }
}
