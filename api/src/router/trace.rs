//! One id and one span for each request.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, field::Empty};
use uuid::Uuid;

use crate::extract::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, follows it in a span, and sends the id back.
pub(super) async fn follow(mut request: Request, next: Next) -> Response {
    let id = sent_id(request.headers()).unwrap_or_else(|| Uuid::now_v7().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    // The route's pattern: a path may hold ids, a query more than that.
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request.id = %id, %method, route, user.id = Empty);
    let begun = Instant::now();
    async move {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::try_from(&id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let status = response.status().as_u16();
        let duration_ms = begun.elapsed().as_secs_f64() * 1000.0;
        tracing::debug!(status, duration_ms, "{method} {route} answered {status}");
        response
    }
    .instrument(span)
    .await
}

/// Returns the client's own id when it is short and plain enough to log.
fn sent_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    (plain && (1..=64).contains(&id.len())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_ids_are_taken() {
        for (sent, taken) in [
            ("abc-123_4.5:6", true),
            ("", false),
            ("two words", false),
            ("a\"b", false),
            (&"a".repeat(64), true),
            (&"a".repeat(65), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::try_from(sent).expect("a header value"));
            assert_eq!(sent_id(&headers).is_some(), taken, "{sent}");
        }
    }
}
