//! The session cookie: a random token for the client, its SHA-256 for the database.

use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::CookieJar;
use chrono::{TimeDelta, Utc};
use jobs::config::Api;
use sha2::{Digest, Sha256};

use crate::error::{ApiError, ApiResult};

/// Name of the one cookie.
pub const COOKIE: &str = "session";

/// Returns a new token: 256 random bits in hex.
pub fn new_token() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

/// Returns the token the request carries; an empty one counts as none.
pub fn token(headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    jar.get(COOKIE).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// Returns the SHA-256 of a token's text, or `None` when it can't be one of ours.
pub fn digest(token: &str) -> Option<Vec<u8>> {
    let ours = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| Sha256::digest(token).to_vec())
}

/// Returns the `Set-Cookie` value that signs in with `token`.
pub fn set(token: &str, api: &Api) -> ApiResult<HeaderValue> {
    let life = TimeDelta::days(api.session_days);
    cookie(token, life.num_seconds(), life, api.secure_cookies)
}

/// Returns the `Set-Cookie` value that signs out: empty and expired.
pub fn clear(api: &Api) -> ApiResult<HeaderValue> {
    cookie("", 0, -TimeDelta::days(1), api.secure_cookies)
}

fn cookie(token: &str, max_age: i64, expires_in: TimeDelta, secure: bool) -> ApiResult<HeaderValue> {
    let expires = (Utc::now() + expires_in).format("%a, %d %b %Y %H:%M:%S GMT");
    let secure = if secure { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE}={token}; Max-Age={max_age}; Path=/; Expires={expires}; HttpOnly; SameSite=Lax{secure}"
    );
    HeaderValue::try_from(text).map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_tokens_have_a_digest() {
        assert!(digest(&new_token()).is_some());
        for foreign in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65)] {
            assert!(digest(foreign).is_none(), "{foreign}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others_and_an_empty_one_is_none() {
        for (sent, expected) in [
            ("session=abc", Some("abc")),
            ("theme=dark; session=abc", Some("abc")),
            ("session=", None),
            ("xsession=abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("cookie", HeaderValue::from_static(sent));
            assert_eq!(token(&headers).as_deref(), expected, "{sent}");
        }
    }
}
