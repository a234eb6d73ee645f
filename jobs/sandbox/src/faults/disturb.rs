//! The layer that disturbs requests and answers.

use std::{future::pending, io, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream};

use super::{Cut, Faults, Kind, spoil};
use crate::{error::ApiError, gate, models, providers};

/// How long the first half of an answer has to leave.
const FLUSHED: Duration = Duration::from_millis(20);

/// Lets a request and its answer meet what the rules have for them.
pub async fn disturb(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/sandbox/") {
        return next.run(request).await;
    }
    let met = faults.draw(request.method().as_str(), path);
    let mut other = None;
    for kind in met {
        match kind {
            Kind::Latency { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            kind => other = Some(kind),
        }
    }
    // Absent only when the router is called without a socket, where there is nothing to cut.
    let cut = request.extensions().get::<Cut>().cloned().unwrap_or_default();
    match other {
        None | Some(Kind::Latency { .. }) => next.run(request).await,
        Some(Kind::ResetBefore) => cut.reset().await,
        Some(Kind::ResetAfter) => {
            next.run(request).await;
            cut.reset().await
        }
        Some(Kind::LostAnswer) => {
            next.run(request).await;
            pending().await
        }
        Some(Kind::Status { code, after }) => {
            if after {
                next.run(request).await;
            }
            failed(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        }
        Some(Kind::Outage) => failed(StatusCode::SERVICE_UNAVAILABLE),
        Some(Kind::TooManyRequests { retry_after }) => {
            let mut response = providers::too_many_requests(path)
                .map(IntoResponse::into_response)
                .or_else(|| models::too_many_requests(path))
                .unwrap_or_else(|| gate::too_many_requests().into_response());
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        Some(kind) => spoiled(next.run(request).await, &kind).await,
    }
}

fn failed(status: StatusCode) -> Response {
    let message = status.canonical_reason().unwrap_or("failed").to_ascii_lowercase();
    let code = u32::from(status.as_u16()) * 100_000 + 10_000;
    ApiError::new(status, code, message).into_response()
}

/// Changes an answer that has a body; one without, or one that never ends, passes as it is.
async fn spoiled(response: Response, kind: &Kind) -> Response {
    let language = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = language.is_some_and(|value| value.starts_with("application/json"));
    // Files of columns and XML, which some data providers send.
    let is_text = language.is_some_and(|value| value.starts_with("text/"));
    if !is_json && !is_text {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return failed(StatusCode::INTERNAL_SERVER_ERROR);
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = match kind {
        Kind::CutBody => {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
            half_then_error(&whole)
        }
        Kind::TruncatedJson => Body::from(whole.slice(..whole.len() / 2)),
        Kind::MalformedJson => Body::from(spoil::malformed(&whole)),
        Kind::WrongTypes if is_text => Body::from(spoil::mistyped_columns(&whole)),
        Kind::WrongTypes => Body::from(spoil::rewritten(&whole, spoil::mistyped)),
        Kind::StaleTimestamps { by_s } => {
            Body::from(spoil::rewritten(&whole, |value| spoil::stale(value, *by_s)))
        }
        _ => Body::from(whole),
    };
    Response::from_parts(parts, body)
}

fn half_then_error(whole: &Bytes) -> Body {
    let half = whole.slice(..whole.len() / 2);
    // What is written before an error is sent only if the error lets it.
    let cut = async {
        tokio::time::sleep(FLUSHED).await;
        Err(io::Error::other("cut by a fault"))
    };
    Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(cut)))
}
