//! Polygon's aggregates and snapshots.
//!
//! Times are unix milliseconds, of snapshots nanoseconds; a day's bar begins at midnight in New
//! York. `results` is left out when there is nothing.

mod aggregates;
mod snapshot;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{Refusal, Source, in_header, in_query};
use crate::prices::{Bar, Noise};

/// Returns the routes.
pub(super) fn router(source: Source) -> Router {
    Router::new()
        .route(
            "/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}",
            get(aggregates::of_range),
        )
        .route("/v2/aggs/ticker/{ticker}/prev", get(aggregates::of_the_day_before))
        .route("/v2/snapshot/locale/us/markets/stocks/tickers", get(snapshot::of_many))
        .route("/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}", get(snapshot::of_one))
        .fallback(async || refused(StatusCode::NOT_FOUND, "NOT_FOUND", "endpoint not found"))
        .layer(middleware::from_fn_with_state(source.clone(), admit))
        .with_state(source)
}

async fn admit(State(source): State<Source>, request: Request, next: Next) -> Response {
    let bearer = in_header(request.headers(), "authorization").and_then(|text| text.strip_prefix("Bearer "));
    match in_query(&request, "apiKey").or(bearer) {
        Some(key) if key == &*source.key => next.run(request).await,
        Some(_) => refused(StatusCode::UNAUTHORIZED, "ERROR", "Unknown API Key").into_response(),
        None => refused(StatusCode::UNAUTHORIZED, "ERROR", "API Key was not provided").into_response(),
    }
}

fn refused(status: StatusCode, word: &str, problem: &str) -> Refusal {
    let name = if word == "ERROR" { "error" } else { "message" };
    Refusal::json(status, &json!({ "status": word, "request_id": "0", name: problem }))
}

/// Returns the same id for the same question.
fn request_id(source: &Source, question: &str) -> String {
    format!("{:016x}", Noise::of(source.seed, &["polygon", question]).next())
}

/// Writes a bar without its time.
fn bar(bar: &Bar) -> Value {
    json!({
        "o": bar.open.dollars(),
        "h": bar.high.dollars(),
        "l": bar.low.dollars(),
        "c": bar.close.dollars(),
        "v": bar.volume,
        "vw": bar.average_dollars(),
    })
}
