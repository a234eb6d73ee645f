//! What goes wrong, in the one shape that every client reads.
//!
//! Only this file turns failures into responses. The cause of an internal error is
//! logged once, here, and never sent.

pub mod codes;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use codes::{ERROR_CODES, ErrorCode};

/// Answer of a handler that may fail.
pub type ApiResult<T> = Result<T, ApiError>;

/// The body of every reply that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "error": "strategy not found", "message": "strategy not found", "code": "NOT_FOUND",
    "statusCode": 404, "timestamp": "2026-01-02T03:04:05.678Z"
}))]
pub struct ErrorBody {
    /// Text for people.
    pub error: String,
    /// The same text: clients read one or the other.
    pub message: String,
    /// One of the codes of the table in this document's description.
    pub code: String,
    /// The HTTP status again.
    pub status_code: u16,
    /// When the reply was made: UTC, milliseconds.
    pub timestamp: String,
    /// What else is known, such as the field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
    /// With `FORBIDDEN`: what the caller may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_capabilities: Option<Vec<&'static str>>,
}

/// A failure on its way to the client.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct ApiError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    code: ErrorCode,
    status: StatusCode,
    message: String,
    details: Option<Value>,
    retry_after: Option<u64>,
    cause: Option<String>,
    user_capabilities: Option<Vec<&'static str>>,
}

impl ApiError {
    /// Makes an error with the status of its code; `message` is shown to people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let (status, message) = (code.status(), message.into());
        let (details, retry_after, cause, user_capabilities) = (None, None, None, None);
        Self(Box::new(Failure { code, status, message, details, retry_after, cause, user_capabilities }))
    }

    /// 400: the request is at fault.
    pub fn bad_request(code: ErrorCode, message: impl Into<String>) -> Self {
        debug_assert_eq!(code.status(), StatusCode::BAD_REQUEST);
        Self::new(code, message)
    }

    /// 400 `INVALID_FIELD` that names the field.
    pub fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::new(codes::INVALID_FIELD, message).with_details(serde_json::json!({ "field": field }))
    }

    /// 401: the caller is not signed in.
    pub fn unauthorized(code: ErrorCode) -> Self {
        let message = match code {
            codes::NO_SESSION => "not authenticated",
            codes::SESSION_EXPIRED => "session expired",
            codes::BAD_API_KEY => "the API key is unknown, expired or revoked",
            _ => "invalid username or password",
        };
        Self::new(code, message)
    }

    /// 403: the caller lacks the capability `needed` and has only `capabilities`.
    pub fn forbidden(needed: &str, capabilities: Vec<&'static str>) -> Self {
        let mut error = Self::new(codes::FORBIDDEN, format!("this needs the capability {needed}"));
        error.0.user_capabilities = Some(capabilities);
        error
    }

    /// 404: `what` does not exist, or is not the caller's.
    pub fn not_found(what: &str) -> Self {
        Self::new(codes::NOT_FOUND, format!("{what} not found"))
    }

    /// 409: the row's state forbids it now.
    pub fn conflict(code: ErrorCode, message: impl Into<String>) -> Self {
        debug_assert_eq!(code.status(), StatusCode::CONFLICT);
        Self::new(code, message)
    }

    /// 422: well formed, but a business rule refuses it.
    pub fn unprocessable(code: ErrorCode, message: impl Into<String>) -> Self {
        debug_assert_eq!(code.status(), StatusCode::UNPROCESSABLE_ENTITY);
        Self::new(code, message)
    }

    /// 429 with `Retry-After`, in seconds.
    pub fn too_many(retry_after: u64) -> Self {
        let message = format!("too many failed sign-ins: try again in {retry_after} s");
        Self::new(codes::TOO_MANY_ATTEMPTS, message).retry_after(retry_after)
    }

    /// 503 because the database can't answer.
    pub fn unavailable() -> Self {
        Self::new(codes::DATABASE_UNAVAILABLE, "the database is not available: try again").retry_after(1)
    }

    /// 503 for another reason than the database.
    pub fn busy(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(code, message).retry_after(1)
    }

    /// 500; `cause` goes to the log only.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut error = Self::new(codes::INTERNAL, "internal error");
        error.0.cause = Some(cause.to_string());
        error
    }

    /// Adds what a program may read besides the code.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Sends another status than the code's own.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Returns the status it will go out under.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the machine code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// Says in `Retry-After` after how many seconds to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Failure { code, status, message, details, retry_after, cause, user_capabilities } = *self.0;
        if let Some(cause) = cause {
            if status == StatusCode::INTERNAL_SERVER_ERROR {
                tracing::error!(code = code.name(), "request failed: {cause}");
            } else {
                tracing::warn!(code = code.name(), "request refused: {cause}");
            }
        }
        let body = ErrorBody {
            error: message.clone(),
            message,
            code: code.name().to_owned(),
            status_code: status.as_u16(),
            timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            details,
            user_capabilities,
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if is_outage(&error) {
            let mut answer = Self::unavailable();
            answer.0.cause = Some(error.to_string());
            answer
        } else {
            Self::internal(error)
        }
    }
}

/// Returns whether `error` says that the database is away, full or giving up on the
/// statement, as opposed to refusing a statement that is wrong.
fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        // Classes 08 connection, 53 resources, 57 intervention, 40 rollback, and
        // 25006: the server has become a read-only standby.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code == "25006" || ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body_of(error: ApiError) -> (StatusCode, Value) {
        let response = error.into_response();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 65_536).await.expect("the body is in memory");
        (status, serde_json::from_slice(&bytes).expect("the body is JSON"))
    }

    #[tokio::test]
    async fn both_texts_are_the_same_and_the_cause_stays_inside() {
        let (status, body) = body_of(ApiError::internal("secret cause")).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body["error"], body["message"]);
        assert_eq!(body["statusCode"], 500);
        assert!(!body.to_string().contains("secret"), "{body}");
        let stamp = body["timestamp"].as_str().expect("a time");
        assert!(stamp.len() == 24 && stamp.ends_with('Z'), "{stamp}");
    }

    #[tokio::test]
    async fn an_outage_is_503_and_anything_else_500() {
        for (error, status) in [
            (sqlx::Error::PoolTimedOut, 503),
            (sqlx::Error::PoolClosed, 503),
            (sqlx::Error::Io(std::io::Error::other("reset")), 503),
            (sqlx::Error::RowNotFound, 500),
            (sqlx::Error::Protocol("odd".into()), 500),
        ] {
            let response = ApiError::from(error).into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key("retry-after"), status == 503);
        }
    }
}
