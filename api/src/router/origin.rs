//! Refuses writes that another site caused (CSRF).
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site`, older ones in `Origin`;
//! scripts can forge neither in somebody else's browser. Old test clients send neither:
//! theirs are allowed when the body is JSON or absent, which no form can send.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    error::{ApiError, codes},
    extract::is_json,
    session,
};

/// Answers 403 `CSRF_REFUSED` to a write that may be forged.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    if !read && let Some(reason) = refusal(request.headers()) {
        return ApiError::new(codes::CSRF_REFUSED, reason).into_response();
    }
    next.run(request).await
}

/// Returns why a write with these headers is refused, if it is.
fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    match text(headers, "sec-fetch-site") {
        // `none`: typed into the address bar. The browser's word goes before Origin,
        // which differs from Host behind a development proxy.
        Some("same-origin" | "none") => None,
        Some(_) => Some("the request comes from another site"),
        None if headers.contains_key(header::ORIGIN) => {
            (!is_own(headers)).then_some("the request comes from another origin")
        }
        None => (session::token(headers).is_some() && has_body(headers) && !is_json(headers))
            .then_some("a write without an origin must be sent as application/json"),
    }
}

/// Returns whether `Origin` names the host that the request was sent to. The scheme is
/// left out: TLS may end before us.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    let Some(origin) = text(headers, "origin") else { return false };
    let Some((_, authority)) = origin.split_once("://") else { return false };
    text(headers, "host").is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || text(headers, "content-length").is_some_and(|length| length != "0")
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    // A value that is not text is no value we know: it must not count as absent.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn writes_from_other_sites_are_refused() {
        let host = ("host", "app.example:5000");
        let cookie = ("cookie", "session=abc");
        let body = ("content-length", "2");
        for (sent, refused) in [
            (vec![cookie, ("sec-fetch-site", "same-origin")], false),
            (vec![cookie, ("sec-fetch-site", "none")], false),
            (vec![cookie, ("sec-fetch-site", "same-site")], true),
            (vec![cookie, ("sec-fetch-site", "cross-site")], true),
            (vec![("sec-fetch-site", "cross-site")], true),
            (vec![cookie, ("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8081")], false),
            (vec![cookie, ("sec-fetch-site", "cross-site"), ("origin", "http://app.example:5000")], true),
            (vec![cookie, ("origin", "http://app.example:5000")], false),
            (vec![cookie, ("origin", "https://APP.example:5000")], false),
            (vec![cookie, ("origin", "http://app.example")], true),
            (vec![cookie, ("origin", "http://app.example:5000.evil.example")], true),
            (vec![cookie, ("origin", "null")], true),
            (vec![cookie, ("origin", "")], true),
            (vec![cookie], false),
            (vec![cookie, body], false),
            (vec![cookie, body, ("content-type", "application/json")], false),
            (vec![cookie, body, ("content-type", "application/json; charset=utf-8")], false),
            (vec![cookie, body, ("content-type", "text/plain")], true),
            (vec![cookie, body, ("content-type", "application/x-www-form-urlencoded")], true),
            (vec![cookie, ("content-type", "text/plain"), ("content-length", "0")], false),
            (vec![cookie, ("content-type", "text/plain"), ("transfer-encoding", "chunked")], true),
            (vec![body, ("content-type", "text/plain")], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in sent.iter().chain([&host]) {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(refusal(&headers).is_some(), refused, "{sent:?}");
        }
    }
}
