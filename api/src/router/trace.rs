//! One id, one trace and one span for each request.
//!
//! The id is what logs, audit rows and jobs carry on: the trace id of a valid `traceparent`,
//! else the client's own `x-request-id`, else a new trace id. Replies name it in both headers.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, field::Empty};

use super::traceparent::{TRACEPARENT, Trace};
use crate::{extract::RequestId, state::AppState};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, follows it in a span, counts it, and sends its names back.
pub(super) async fn follow(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Names { id, request_id, trace } = Names::of(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    // The route's pattern: a path may hold ids, a query more than that.
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request", trace.id = %id, request.id = %request_id, %method, route, user.id = Empty
    );
    let begun = Instant::now();
    async move {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        for (name, value) in [(REQUEST_ID, request_id), (TRACEPARENT, trace.header())] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        let status = response.status().as_u16();
        let took = begun.elapsed();
        let duration_ms = took.as_secs_f64() * 1000.0;
        tracing::debug!(status, duration_ms, "{method} {route} answered {status}");
        state.telemetry.answered(&method, route, status, took);
        response
    }
    .instrument(span)
    .await
}

/// What a request is called.
struct Names {
    /// What everything it causes carries.
    id: String,
    /// What its reply says in `x-request-id`: the client's own word, or the id.
    request_id: String,
    trace: Trace,
}

impl Names {
    fn of(headers: &HeaderMap) -> Self {
        let (trace, own) = (Trace::sent(headers), sent_id(headers));
        match (trace, own) {
            (Some(trace), own) => {
                let id = trace.id.clone();
                Self { request_id: own.unwrap_or_else(|| id.clone()), id, trace }
            }
            (None, Some(own)) => Self { trace: Trace::of_id(&own), request_id: own.clone(), id: own },
            (None, None) => {
                let trace = Trace::new();
                Self { id: trace.id.clone(), request_id: trace.id.clone(), trace }
            }
        }
    }
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

    #[test]
    fn a_trace_goes_before_an_id_of_ones_own() {
        const ID: &str = "0af7651916cd43dd8448eb211c80319c";
        let parent = format!("00-{ID}-b7ad6b7169203331-01");
        for (traceparent, sent, id, request_id) in [
            (Some(parent.as_str()), None, Some(ID), Some(ID)),
            (Some(parent.as_str()), Some("mine-1"), Some(ID), Some("mine-1")),
            (Some("00-bad"), Some("mine-1"), Some("mine-1"), Some("mine-1")),
            (None, Some("not ours"), None, None),
            (None, None, None, None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(TRACEPARENT, traceparent), (REQUEST_ID, sent)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::try_from(value).expect("a header value"));
                }
            }
            let names = Names::of(&headers);
            assert_eq!(names.id, id.unwrap_or(&names.trace.id));
            assert_eq!(names.request_id, request_id.unwrap_or(&names.trace.id));
            assert_eq!(names.trace.id.len(), 32);
        }
    }
}
