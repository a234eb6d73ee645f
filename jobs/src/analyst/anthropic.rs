//! Messages in Anthropic's shape.

use http::HeaderName;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{Completion, Content, Prompt, Shape, Usage};
use crate::external::{Answer, ExternalError};

/// The version of the interface that is spoken here.
const VERSION: &str = "2023-06-01";

/// Models behind `POST /messages`.
pub(super) const SHAPE: Shape = Shape {
    path: "/messages",
    headers: |key| {
        vec![
            (HeaderName::from_static("x-api-key"), key.clone()),
            (HeaderName::from_static("anthropic-version"), VERSION.into()),
        ]
    },
    body,
    read,
};

fn body(prompt: &Prompt) -> Value {
    json!({
        "model": prompt.model,
        "max_tokens": prompt.max_tokens,
        // No more than 1 is allowed here.
        "temperature": prompt.temperature.min(Decimal::ONE).to_f64(),
        "system": prompt.system,
        "messages": [{ "role": "user", "content": prompt.user }],
        "output_config": { "format": { "type": "json_schema", "schema": prompt.schema } },
    })
}

#[derive(Debug, Deserialize)]
struct Said {
    id: Option<String>,
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        input: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the provider's words")]
struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
}

fn read(answer: &Answer) -> Result<Completion, ExternalError> {
    let raw: Value = answer.json()?;
    let said: Said = answer.json()?;
    let content = content(said.stop_reason.as_deref(), &said.content);
    let usage = said.usage.map(|u| {
        let cached =
            u.cache_creation_input_tokens.unwrap_or_default() + u.cache_read_input_tokens.unwrap_or_default();
        Usage { input: u.input_tokens + cached, output: u.output_tokens }
    });
    Ok(Completion { content, usage, request_id: said.id, raw })
}

fn content(stop_reason: Option<&str>, blocks: &[Block]) -> Content {
    match stop_reason {
        Some("refusal") => return Content::Refused("the model refused".into()),
        Some("max_tokens" | "model_context_window_exceeded") => return Content::cut(),
        Some("end_turn" | "stop_sequence" | "tool_use") | None => {}
        Some(other) => return Content::Unusable(format!("it ended because of {other:?}")),
    }
    // Models that know no schema answer through a tool: its input is the JSON itself.
    let tool = blocks.iter().find_map(|block| match block {
        Block::ToolUse { input } => Some(input.clone()),
        _ => None,
    });
    if let Some(input) = tool {
        return Content::Json(input);
    }
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    Content::read(&texts.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_the_end_is_looked_at_first() {
        let text = || Block::Text { text: r#"{"action":"hold"}"#.into() };
        let tool = || Block::ToolUse { input: json!({"action": "hold"}) };
        for (reason, blocks, expected) in [
            (Some("end_turn"), vec![text()], "json"),
            (Some("end_turn"), vec![Block::Other, text()], "json"),
            (Some("tool_use"), vec![tool()], "json"),
            (Some("max_tokens"), vec![text()], "unusable"),
            (Some("pause_turn"), vec![text()], "unusable"),
            (Some("refusal"), vec![text()], "refused"),
            (Some("end_turn"), vec![], "unusable"),
        ] {
            let found = match content(reason, &blocks) {
                Content::Json(_) => "json",
                Content::Refused(_) => "refused",
                Content::Unusable(_) => "unusable",
            };
            assert_eq!(found, expected, "{reason:?} {blocks:?}");
        }
    }
}
