//! Headers of every reply.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{router::origin, state::AppState};

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const REQUEST_HEADERS: &str =
    "content-type, if-match, idempotency-key, last-event-id, traceparent, tracestate, x-request-id";
const EXPOSED: &str = "etag, link, location, retry-after, traceparent, x-next-cursor, x-request-id";

/// Adds the security headers, and the CORS ones when the request names its origin.
///
/// Only our own origin may read replies. `Access-Control-Allow-Credentials` goes to every
/// origin, as existing clients test for it: without `Allow-Origin` it permits nothing.
pub(super) async fn add(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let asked = request.headers();
    let origin = asked.get(header::ORIGIN).cloned();
    let allowed = origin.clone().filter(|_| origin::is_own(asked));
    let preflight =
        request.method() == Method::OPTIONS && asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let api = request.uri().path().starts_with("/api/");
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };

    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if state.config.api.secure_cookies {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if api {
        // Replies hold what only their reader may see.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if origin.is_some() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if let Some(origin) = allowed {
        allow(headers, origin, preflight);
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue, preflight: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
    }
}
