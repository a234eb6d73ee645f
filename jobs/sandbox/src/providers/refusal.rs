//! Refusals, in the words of each provider.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A refusal as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    body: String,
}

impl Refusal {
    /// Returns a refusal in JSON.
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, kind: "application/json", body: body.to_string() }
    }

    /// Returns a refusal in another language.
    pub(super) fn text(status: StatusCode, kind: &'static str, body: impl Into<String>) -> Self {
        Self { status, kind, body: body.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, self.kind)], self.body).into_response()
    }
}

/// Returns the refusal in plain text, which Yahoo gives to clients without a name too.
pub(super) fn too_often() -> Refusal {
    Refusal::text(StatusCode::TOO_MANY_REQUESTS, "text/plain", "Too Many Requests\r\n")
}

/// Returns the refusal of one request too many to `path`, or `None` when it is no provider's.
pub(crate) fn too_many_requests(path: &str) -> Option<Refusal> {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let prefix = path.trim_start_matches('/').split('/').next()?;
    Some(match prefix {
        "polygon" => Refusal::json(
            status,
            &json!({
                "status": "ERROR",
                "request_id": "0",
                "error": "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue.",
            }),
        ),
        "finnhub" => Refusal::json(
            status,
            &json!({ "error": "API limit reached. Please try again later. Remaining Limit: 0" }),
        ),
        "fred" => Refusal::json(
            status,
            &json!({ "error_code": 429, "error_message": "Too Many Requests.  Exceeded Rate Limit" }),
        ),
        "yahoo" | "finra" => too_often(),
        "sec" | "sec-www" => Refusal::text(
            status,
            "text/html",
            "<html><head><title>SEC.gov | Request Rate Threshold Exceeded</title></head></html>",
        ),
        _ => return None,
    })
}
