//! What keeps one request from hurting the others.

use std::{any::Any, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    error::{ApiError, codes},
    state::AppState,
};

/// Refuses a request when too many are being answered. The probes always pass: a busy
/// process is alive, and must be seen to be busy. Streams count until their head is sent.
pub(super) async fn in_flight(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let probe = path.starts_with("/health") || path == "/metrics";
    let permit = state.in_flight.try_acquire();
    if permit.is_err() && !probe {
        return ApiError::busy(codes::OVERLOADED, "too many requests in flight: try again").into_response();
    }
    next.run(request).await
}

/// Gives up on a handler that takes too long; its transaction is rolled back. The bodies
/// of streams are not limited, only the time until their head.
pub(super) async fn time_limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let limit = Duration::from_millis(state.config.api.request_timeout_ms);
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("the request took longer than {} ms", limit.as_millis());
        ApiError::busy(codes::TIMED_OUT, message).into_response()
    })
}

/// Turns a panic into a 500 of our shape; its text goes to the log only.
#[expect(clippy::needless_pass_by_value, reason = "the shape that CatchPanicLayer asks for")]
pub(super) fn answer_panic(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiError::internal(format!("handler panicked: {text}")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_that_hides_its_text() {
        async fn handler(request: Request) {
            assert!(request.uri().path().is_empty(), "secret cause");
        }
        let app: Router = Router::new().route("/", get(handler)).layer(CatchPanicLayer::custom(answer_panic));
        let response = app.oneshot(Request::new(Body::empty())).await.expect("infallible");
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 65_536).await.expect("the body is in memory");
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("INTERNAL") && !text.contains("secret"), "{text}");
    }
}
