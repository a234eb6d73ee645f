//! Language models: the shapes of OpenAI's chat completions and of Anthropic's messages.
//!
//! No model runs here: what is "said" follows from the prompt's own data by a rule, so the same
//! prompt gets the same answer. The data is the JSON between `<data>` and `</data>` in the last
//! message. Both ask for the sandbox's key, as `Authorization: Bearer` and as `x-api-key`; a
//! refusal for too many requests is made by a fault, and has the provider's form.

mod anthropic;
mod openai;
mod opinion;

use std::sync::Arc;

use axum::{
    Json, Router,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;

/// The requests of a minute that the answers speak of; nothing counts them.
const SHOWN_LIMIT: u32 = 60;

/// The key that is asked for.
#[derive(Debug, Clone)]
struct Key(Arc<str>);

/// Returns the routes of both shapes, for clients that hold `key`.
pub(crate) fn router(key: &str) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(openai::complete))
        .route("/v1/messages", post(anthropic::message))
        .with_state(Key(key.into()))
}

/// Returns the refusal of one request too many to `path`, or `None` when no model is there.
pub(crate) fn too_many_requests(path: &str) -> Option<Response> {
    match path {
        "/v1/chat/completions" => Some(openai::too_many_requests()),
        "/v1/messages" => Some(anthropic::too_many_requests()),
        _ => None,
    }
}

/// Returns a header's text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Answers in JSON, with further headers.
fn answer(status: StatusCode, body: Value, headers: &[(&'static str, String)]) -> Response {
    let mut response = (status, Json(body)).into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}

/// Returns how many tokens `text` might be.
fn tokens(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX).div_ceil(4)
}

/// Reads a request's JSON and the fields that both shapes need: the model and the last message.
fn question(body: &[u8]) -> Result<(Value, String, String), String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("could not parse the JSON body: {error}"))?;
    let model = body["model"].as_str().filter(|model| !model.is_empty());
    let model = model.ok_or("you must provide a model parameter")?.to_owned();
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let last =
        last.filter(|message| message["role"] == "user").and_then(|message| message["content"].as_str());
    let text = last.ok_or("messages: the last one must be the user's, with a text")?.to_owned();
    Ok((body, model, text))
}
