//! Requests that may be sent again: the answer of the first one is kept, with what it did, in one
//! transaction.
//!
//! Only answers of success are kept: a refusal leaves nothing behind, so asking again is safe, and
//! may well succeed.

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
};
use jobs::db::idempotency::{self, Begun, Request};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Actor,
};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key, in bytes.
const LONGEST: usize = 255;
/// When to send the request again that met the first one at work. Seconds.
const RETRY_S: u64 = 1;

/// The key that a request carries, if it does, and what must be the same when it comes again.
#[derive(Debug)]
pub(super) struct Key<'a> {
    text: String,
    actor: &'a Actor,
    method: Method,
    path: &'a str,
    body_hash: [u8; 32],
}

impl<'a> Key<'a> {
    /// Reads the header `Idempotency-Key`; 400 when it is no key.
    pub(super) fn read(
        headers: &HeaderMap,
        actor: &'a Actor,
        method: Method,
        path: &'a str,
        body: &Value,
    ) -> ApiResult<Option<Self>> {
        let mut sent = headers.get_all(HEADER).iter();
        let Some(value) = sent.next() else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if text.is_empty() || text.len() > LONGEST || !printable || sent.next().is_some() {
            let message =
                format!("Idempotency-Key must be sent once, with 1 to {LONGEST} printable characters");
            return Err(ApiError::bad_request(codes::INVALID_IDEMPOTENCY_KEY, message));
        }
        // As JSON means it: spaces, and the order of keys, make no other request.
        let body_hash = Sha256::digest(body.to_string()).into();
        Ok(Some(Self { text: text.to_owned(), actor, method, path, body_hash }))
    }

    /// Begins the request in the transaction that does what it asks for; `Some` is the answer
    /// that an earlier one got.
    pub(super) async fn begin(&self, conn: &mut PgConnection) -> ApiResult<Option<Response>> {
        let request = Request {
            user_id: self.actor.user_id,
            key: &self.text,
            method: self.method.as_str(),
            path: self.path,
            body_hash: self.body_hash,
        };
        match idempotency::begin(conn, &request).await? {
            Begun::First => Ok(None),
            Begun::Answered { status, response } => {
                let status = StatusCode::from_u16(status).map_err(ApiError::internal)?;
                let replayed = [(REPLAYED, HeaderValue::from_static("true"))];
                Ok(Some((status, replayed, Json(response)).into_response()))
            }
            Begun::Mismatch => {
                let message = "the Idempotency-Key was used for another request";
                Err(ApiError::unprocessable(codes::IDEMPOTENCY_MISMATCH, message))
            }
            Begun::InFlight => {
                let message = "a request with this Idempotency-Key is still at work";
                Err(ApiError::conflict(codes::REQUEST_IN_FLIGHT, message).retry_after(RETRY_S))
            }
        }
    }

    /// Keeps the answer, in the same transaction.
    pub(super) async fn finish(
        &self,
        conn: &mut PgConnection,
        status: StatusCode,
        body: &Value,
    ) -> ApiResult<()> {
        Ok(idempotency::finish(conn, self.actor.user_id, &self.text, status.as_u16(), body).await?)
    }
}
