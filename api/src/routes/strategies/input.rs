//! What a client may say about a strategy. Every field is optional: what is absent
//! stays as it is, and null clears what can be empty.

use jobs::db::strategies::{Mode, Status, Strategy, TYPES};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{holds_nul, limit_json},
    plain_text::plain,
};

const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 5_000;
/// What is sent may have so many bytes for each character that may stay.
const BYTES_PER_CHARACTER: usize = 4;
const MAX_ASSETS: usize = 500;
const MAX_SYMBOL: usize = 32;

/// Fields of a strategy. Unknown keys are ignored.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "Weekly momentum", "type": "momentum", "assets": ["AAPL", "MSFT"],
    "parameters": {"lookback": 20}, "config": {"initialCash": 100_000}
}))]
pub(super) struct StrategyInput {
    /// Not empty after tags are stripped; at most 200 characters. Required to create.
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    #[schema(schema_with = super::schema::kind, required = false)]
    pub(super) kind: Option<String>,
    /// Tags are stripped; at most 5,000 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Field<String>,
    is_active: Option<bool>,
    /// Another name of `isActive`.
    active: Option<bool>,
    /// Symbols, at most 500.
    assets: Option<Vec<String>>,
    #[serde(default)]
    #[schema(schema_with = super::schema::parameters, required = false)]
    parameters: Field<Value>,
    /// Replaces the whole configuration.
    #[schema(value_type = Option<Object>)]
    config: Option<Map<String, Value>>,
    #[schema(schema_with = super::schema::status, required = false)]
    status: Option<String>,
    #[serde(default)]
    #[schema(schema_with = super::schema::mode, required = false)]
    mode: Field<String>,
    template_id: Option<String>,
    /// An object of numbers.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    performance_summary: Field<Map<String, Value>>,
    /// Refuses the change unless the strategy is at this version.
    pub(super) version: Option<i32>,
}

/// A field that can be empty: absent and null are different things to say.
#[derive(Debug, Clone, Default, PartialEq)]
enum Field<T> {
    #[default]
    Absent,
    Null,
    Sent(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Sent))
    }
}

impl<T> Field<T> {
    /// Writes what was said to `slot`, after `check`.
    fn write<U>(
        &self,
        slot: &mut Option<U>,
        check: impl FnOnce(&T) -> ApiResult<Option<U>>,
    ) -> ApiResult<()> {
        match self {
            Self::Absent => {}
            Self::Null => *slot = None,
            Self::Sent(value) => *slot = check(value)?,
        }
        Ok(())
    }
}

impl StrategyInput {
    /// Writes what was sent over `strategy`, or says what is wrong with it. Whether a
    /// back-test is needed is the caller's to check.
    pub(super) fn apply(&self, strategy: &mut Strategy) -> ApiResult<()> {
        if let Some(sent) = &self.name {
            strategy.name = name(sent)?;
        }
        if let Some(kind) = &self.kind {
            strategy.kind = known_type(kind)?;
        }
        self.description.write(&mut strategy.description, |text| description(text))?;
        if let Some(sent) = &self.assets {
            strategy.assets = assets(sent)?;
        }
        self.parameters.write(&mut strategy.parameters, parameters)?;
        if let Some(config) = &self.config {
            limit_json("config", config)?;
            strategy.config = Value::Object(config.clone());
        }
        if let Some(template) = &self.template_id {
            strategy.template_id = name_of("templateId", template)?;
        }
        self.performance_summary.write(&mut strategy.performance_summary, |sent| summary(sent).map(Some))?;
        self.mode.write(&mut strategy.mode, |word| mode(word).map(Some))?;
        self.apply_status(strategy)
    }

    fn apply_status(&self, strategy: &mut Strategy) -> ApiResult<()> {
        if let Some(word) = &self.status {
            let next: Status = word.parse().map_err(|_| {
                let allowed = Status::ALL.map(Status::as_str);
                ApiError::invalid_field("status", format!("unknown status {word:?}: use one of {allowed:?}"))
            })?;
            super::lifecycle::step(strategy, next)?;
        }
        if let Some(active) = self.is_active.or(self.active) {
            strategy.is_active = active;
        }
        Ok(())
    }
}

/// Returns the mode that a word names.
pub(super) fn mode(word: &str) -> ApiResult<Mode> {
    word.parse()
        .map_err(|_| ApiError::invalid_field("mode", format!("unknown mode {word:?}: use paper or live")))
}

fn known_type(kind: &str) -> ApiResult<String> {
    if TYPES.contains(&kind) {
        return Ok(kind.to_owned());
    }
    let message = format!("unknown strategy type {kind:?}: use one of {}", TYPES.join(", "));
    Err(ApiError::bad_request(codes::UNKNOWN_STRATEGY_TYPE, message)
        .with_details(json!({ "allowed": TYPES })))
}

fn name(sent: &str) -> ApiResult<String> {
    bounded_bytes("name", sent, MAX_NAME)?;
    name_of("name", &plain(sent))
}

fn name_of(field: &str, text: &str) -> ApiResult<String> {
    match text.trim() {
        "" => Err(ApiError::invalid_field(field, format!("{field} must not be empty"))),
        text => bounded(field, text, MAX_NAME),
    }
}

fn description(sent: &str) -> ApiResult<Option<String>> {
    bounded_bytes("description", sent, MAX_DESCRIPTION)?;
    let text = bounded("description", &plain(sent), MAX_DESCRIPTION)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn bounded(field: &str, text: &str, most: usize) -> ApiResult<String> {
    let length = text.chars().count();
    if length <= most {
        return Ok(text.to_owned());
    }
    Err(ApiError::invalid_field(
        field,
        format!("{field} has {length} characters, at most {most} are allowed"),
    ))
}

/// Refuses what no text of `most` characters can be, tags included.
fn bounded_bytes(field: &str, sent: &str, most: usize) -> ApiResult<()> {
    let (length, most) = (sent.len(), most * BYTES_PER_CHARACTER);
    if length <= most {
        return Ok(());
    }
    Err(ApiError::invalid_field(field, format!("{field} has {length} bytes, at most {most} are allowed")))
}

fn assets(sent: &[String]) -> ApiResult<Vec<String>> {
    if sent.len() > MAX_ASSETS {
        let message = format!("{} assets, at most {MAX_ASSETS} are allowed", sent.len());
        return Err(ApiError::invalid_field("assets", message));
    }
    let symbol = |text: &String| {
        let text = text.trim();
        let valid = (1..=MAX_SYMBOL).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_graphic() && !"<>\"'&".contains(c));
        valid
            .then(|| text.to_owned())
            .ok_or_else(|| ApiError::invalid_field("assets", format!("{text:?} is no symbol")))
    };
    sent.iter().map(symbol).collect()
}

/// Takes JSON or its text; empty text clears.
fn parameters(sent: &Value) -> ApiResult<Option<Value>> {
    let refuse =
        || ApiError::invalid_field("parameters", "parameters must be a JSON object or array, or its text");
    let value = match sent {
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => serde_json::from_str(text).map_err(|_| refuse())?,
        other => other.clone(),
    };
    // Text is JSON inside JSON: the check of the body did not see what it escapes.
    if holds_nul(&value) {
        return Err(refuse());
    }
    limit_json("parameters", &value)?;
    match value {
        Value::Object(_) | Value::Array(_) => Ok(Some(value)),
        Value::Null => Ok(None),
        _ => Err(refuse()),
    }
}

fn summary(sent: &Map<String, Value>) -> ApiResult<Value> {
    limit_json("performanceSummary", sent)?;
    match sent.iter().find(|(_, value)| !(value.is_number() || value.is_null())) {
        Some((key, _)) => Err(ApiError::invalid_field(
            "performanceSummary",
            format!("performanceSummary.{key} must be a number"),
        )),
        // Screens take absent numbers, not null ones.
        None => Ok(sent
            .iter()
            .filter(|(_, value)| value.is_number())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_as_json_or_as_its_text() {
        for (sent, expected) in [
            (json!({"a": 1}), Some(Some(json!({"a": 1})))),
            (json!("{\"a\":1}"), Some(Some(json!({"a": 1})))),
            (json!([1, 2]), Some(Some(json!([1, 2])))),
            (json!(""), Some(None)),
            (json!("null"), Some(None)),
            (json!("not json"), None),
            (json!("5"), None),
            (json!(5), None),
            (json!({"a": "x".repeat(16 * 1024)}), None),
            (
                json!({"a": "x".repeat(16_000)}).to_string().into(),
                Some(Some(json!({"a": "x".repeat(16_000)}))),
            ),
            (json!("{\"a\":\"\\u0000\"}"), None),
        ] {
            assert_eq!(parameters(&sent).ok(), expected, "{sent}");
        }
    }

    #[test]
    fn texts_are_measured_before_tags_are_stripped() {
        assert_eq!(name(&"<b>".repeat(100)).expect_err("no text is left").code(), codes::INVALID_FIELD);
        let error = name(&"<b>".repeat(300)).expect_err("too long");
        assert!(error.to_string().contains("900 bytes, at most 800"), "{error}");
        let error = description(&"<".repeat(300_000)).expect_err("too long");
        assert!(error.to_string().contains("300000 bytes, at most 20000"), "{error}");
        assert_eq!(name(&"\u{1f600}".repeat(200)).expect("four bytes each").chars().count(), 200);
    }

    #[test]
    fn null_clears_and_absence_keeps() {
        let input: StrategyInput = serde_json::from_value(json!({"description": null})).expect("valid");
        assert_eq!(input.description, Field::Null);
        assert_eq!(input.parameters, Field::Absent);
    }

    #[test]
    fn symbols_are_short_and_plain() {
        for (sent, valid) in [
            ("AAPL", true),
            (" BRK.B ", true),
            ("BTC/USD", true),
            ("", false),
            ("A B", false),
            ("<b>", false),
        ] {
            assert_eq!(assets(&[sent.to_owned()]).is_ok(), valid, "{sent:?}");
        }
    }
}
