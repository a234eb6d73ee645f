//! Chat completions in OpenAI's shape, which many servers speak.

use http::header::AUTHORIZATION;
use rust_decimal::prelude::ToPrimitive;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{Completion, Content, Prompt, Shape, Usage};
use crate::external::{Answer, ExternalError};

/// Models behind `POST /chat/completions`.
pub(super) const SHAPE: Shape = Shape {
    path: "/chat/completions",
    headers: |key| vec![(AUTHORIZATION, format!("Bearer {}", key.expose_secret()).into())],
    body,
    read,
};

fn body(prompt: &Prompt) -> Value {
    json!({
        "model": prompt.model,
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
        "max_completion_tokens": prompt.max_tokens,
        "temperature": prompt.temperature.to_f64(),
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": "decision", "strict": true, "schema": prompt.schema },
        },
    })
}

#[derive(Debug, Deserialize)]
struct Said {
    id: Option<String>,
    choices: Vec<Choice>,
    usage: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
}

fn read(answer: &Answer) -> Result<Completion, ExternalError> {
    let raw: Value = answer.json()?;
    let said: Said = answer.json()?;
    let content = match said.choices.first() {
        None => Content::Unusable("it has no choice".into()),
        Some(choice) => content(choice),
    };
    let usage = said.usage.map(|u| Usage { input: u.prompt_tokens, output: u.completion_tokens });
    Ok(Completion { content, usage, request_id: said.id, raw })
}

/// The reason for its end comes first: what was cut or filtered may still look like JSON.
fn content(choice: &Choice) -> Content {
    if let Some(refusal) = choice.message.refusal.as_deref().filter(|text| !text.is_empty()) {
        return Content::Refused(format!("the model refused: {refusal}"));
    }
    match choice.finish_reason.as_deref() {
        Some("length") => Content::cut(),
        Some("content_filter") => Content::Refused("the provider's filter stopped the answer".into()),
        Some("stop") | None => match choice.message.content.as_deref() {
            Some(text) => Content::read(text),
            None => Content::Unusable("it has no content".into()),
        },
        Some(other) => Content::Unusable(format!("it ended because of {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_the_end_is_looked_at_first() {
        let good = r#"{"action":"hold"}"#;
        for (finish, refusal, text, expected) in [
            (Some("stop"), None, Some(good), "json"),
            (None, None, Some(good), "json"),
            (Some("length"), None, Some(good), "unusable"),
            (Some("content_filter"), None, Some(good), "refused"),
            (Some("stop"), Some("no"), Some(good), "refused"),
            (Some("stop"), Some(""), Some(good), "json"),
            (Some("tool_calls"), None, None, "unusable"),
            (Some("stop"), None, None, "unusable"),
        ] {
            let choice = Choice {
                message: Message { content: text.map(str::to_owned), refusal: refusal.map(str::to_owned) },
                finish_reason: finish.map(str::to_owned),
            };
            let found = match content(&choice) {
                Content::Json(_) => "json",
                Content::Refused(_) => "refused",
                Content::Unusable(_) => "unusable",
            };
            assert_eq!(found, expected, "{finish:?} {refusal:?} {text:?}");
        }
    }
}
