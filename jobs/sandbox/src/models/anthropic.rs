//! `POST /v1/messages`.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;

use super::{Key, SHOWN_LIMIT, answer, header, opinion, question, tokens};
use crate::prices::Noise;

/// Answers with one message: text, or the input of the one tool that must be used.
pub(super) async fn message(State(key): State<Key>, headers: HeaderMap, body: Bytes) -> Response {
    if header(&headers, "x-api-key") != Some(&*key.0) {
        return refused(StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key");
    }
    if header(&headers, "anthropic-version").is_none() {
        let problem = "anthropic-version: header is required";
        return refused(StatusCode::BAD_REQUEST, "invalid_request_error", problem);
    }
    let (request, model, text) = match question(&body) {
        Ok(read) => read,
        Err(problem) => return refused(StatusCode::BAD_REQUEST, "invalid_request_error", &problem),
    };
    let Some(most) = request["max_tokens"].as_u64() else {
        return refused(StatusCode::BAD_REQUEST, "invalid_request_error", "max_tokens: Field required");
    };
    let opinion = opinion::of(&text);
    let said = opinion.to_string();
    let cut = tokens(&said) > most;
    let id = id(&text);
    let (content, reason) = match request["tool_choice"]["name"].as_str() {
        Some(tool) if !cut => {
            let block =
                json!({ "type": "tool_use", "id": format!("toolu_{id}"), "name": tool, "input": opinion });
            (block, "tool_use")
        }
        _ if cut => (json!({ "type": "text", "text": &said[..said.len() / 2] }), "max_tokens"),
        _ => (json!({ "type": "text", "text": said }), "end_turn"),
    };
    answer(
        StatusCode::OK,
        json!({
            "id": format!("msg_{id}"),
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [content],
            "stop_reason": reason,
            "stop_sequence": null,
            "usage": {
                "input_tokens": tokens(&request.to_string()),
                "output_tokens": tokens(&said).min(most),
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
            },
        }),
        &[
            ("request-id", format!("req_{id}")),
            ("anthropic-ratelimit-requests-limit", SHOWN_LIMIT.to_string()),
            ("anthropic-ratelimit-requests-remaining", (SHOWN_LIMIT - 1).to_string()),
        ],
    )
}

/// Returns the refusal of one request too many.
pub(super) fn too_many_requests() -> Response {
    let problem = "This request would exceed your organization's rate limit.";
    refused(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", problem)
}

fn refused(status: StatusCode, kind: &str, problem: &str) -> Response {
    let error = json!({ "type": kind, "message": problem });
    answer(status, json!({ "type": "error", "error": error, "request_id": "req_sandbox" }), &[])
}

/// Returns the same id for the same question.
fn id(question: &str) -> String {
    format!("{:016x}", Noise::of(0, &["anthropic", question]).next())
}
