//! The series of this process, for a monitoring system.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use jobs::{config::Switch, telemetry};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::{ApiError, ApiResult},
    state::AppState,
};

/// Returns the routes of this file.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// The series of this process, for Prometheus.
///
/// OpenMetrics when the request accepts that, else the plain text format. It needs no session
/// and holds no id: let only the monitoring reach it. 404 when `api.metrics` is off.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "One line for each series.", body = String, content_type = "text/plain"))
)]
async fn metrics(State(state): State<AppState>, headers: HeaderMap) -> ApiResult<Response> {
    if state.config.api.metrics == Switch::Off {
        return Err(ApiError::not_found("route /metrics"));
    }
    let text = state.telemetry.exposition(&state.pool).await.map_err(ApiError::internal)?;
    Ok(answer(&headers, &text))
}

/// Returns the reply that shows `exposition` in the format that the request's `headers` ask for.
pub fn answer(headers: &HeaderMap, exposition: &str) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let (media, text) = if accepted.is_some_and(|media| media.contains("application/openmetrics-text")) {
        (telemetry::OPEN_METRICS, exposition.to_owned())
    } else {
        (telemetry::PLAIN_TEXT, telemetry::plain(exposition))
    };
    ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "no-store")], text).into_response()
}
