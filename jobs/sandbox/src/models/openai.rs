//! `POST /v1/chat/completions`.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::{Value, json};

use super::{Key, SHOWN_LIMIT, answer, header, opinion, question, tokens};
use crate::prices::Noise;

/// Answers a chat with one choice.
pub(super) async fn complete(State(key): State<Key>, headers: HeaderMap, body: Bytes) -> Response {
    let given = header(&headers, "authorization").and_then(|text| text.strip_prefix("Bearer "));
    if given != Some(&*key.0) {
        let problem =
            if given.is_some() { "Incorrect API key provided." } else { "You didn't provide an API key." };
        return refused(StatusCode::UNAUTHORIZED, "invalid_request_error", problem, "invalid_api_key");
    }
    let (request, model, text) = match question(&body) {
        Ok(read) => read,
        Err(problem) => {
            return refused(StatusCode::BAD_REQUEST, "invalid_request_error", &problem, "invalid_request");
        }
    };
    let said = opinion::of(&text).to_string();
    let (prompt, most) = (tokens(&request.to_string()), request["max_completion_tokens"].as_u64());
    let cut = most.is_some_and(|most| tokens(&said) > most);
    let completion = most.unwrap_or(u64::MAX).min(tokens(&said));
    let content = if cut { &said[..said.len() / 2] } else { &said };
    let id = id(&text);
    answer(
        StatusCode::OK,
        json!({
            "id": format!("chatcmpl-{id}"),
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": content, "refusal": null, "tool_calls": null },
                "finish_reason": if cut { "length" } else { "stop" },
            }],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            },
            "system_fingerprint": "fp_sandbox",
        }),
        &[
            ("x-request-id", format!("req_{id}")),
            ("x-ratelimit-limit-requests", SHOWN_LIMIT.to_string()),
            ("x-ratelimit-remaining-requests", (SHOWN_LIMIT - 1).to_string()),
            ("x-ratelimit-reset-requests", "1s".to_owned()),
        ],
    )
}

/// Returns the refusal of one request too many.
pub(super) fn too_many_requests() -> Response {
    let problem = "Rate limit reached for requests per min. Please try again later.";
    refused(StatusCode::TOO_MANY_REQUESTS, "requests", problem, "rate_limit_exceeded")
}

fn refused(status: StatusCode, kind: &str, problem: &str, code: &str) -> Response {
    let error = json!({ "message": problem, "type": kind, "param": Value::Null, "code": code });
    answer(status, json!({ "error": error }), &[])
}

/// Returns the same id for the same question.
fn id(question: &str) -> String {
    format!("{:016x}", Noise::of(0, &["openai", question]).next())
}
