//! Answers made wrong.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde_json::Value;

/// Returns what no parser takes for JSON, yet begins and ends like it.
pub(super) fn malformed(whole: &Bytes) -> Vec<u8> {
    let half = whole.len() / 2;
    [&whole[..half], b"\x01<html>,,}{", &whole[half..]].concat()
}

/// Returns `whole` with its value changed; what is no JSON stays as it is.
pub(super) fn rewritten(whole: &Bytes, change: impl FnOnce(Value) -> Value) -> Vec<u8> {
    match serde_json::from_slice(whole) {
        Ok(value) => change(value).to_string().into_bytes(),
        Err(_) => whole.to_vec(),
    }
}

/// Makes a number of each text, a text of each number, and a list of each truth.
pub(super) fn mistyped(value: Value) -> Value {
    match value {
        Value::String(text) => text.len().into(),
        Value::Number(number) => format!("about {number}").into(),
        Value::Bool(_) => Value::Array(Vec::new()),
        Value::Array(items) => items.into_iter().map(mistyped).collect(),
        Value::Object(keys) => keys.into_iter().map(|(key, value)| (key, mistyped(value))).collect(),
        Value::Null => Value::Null,
    }
}

/// Puts every time `seconds` back.
pub(super) fn stale(value: Value, seconds: u32) -> Value {
    match value {
        Value::String(text) => match DateTime::parse_from_rfc3339(&text) {
            Ok(at) => {
                let at = at - TimeDelta::seconds(seconds.into());
                at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
            }
            Err(_) => Value::String(text),
        },
        Value::Array(items) => items.into_iter().map(|item| stale(item, seconds)).collect(),
        Value::Object(keys) => keys.into_iter().map(|(key, value)| (key, stale(value, seconds))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_change_and_shapes_stay() {
        let answer = json!({"id": "abc", "qty": 2, "legs": null, "open": true, "list": ["x"]});
        let expected = json!({"id": 3, "qty": "about 2", "legs": null, "open": [], "list": [1]});
        assert_eq!(mistyped(answer), expected);
    }

    #[test]
    fn only_times_become_stale() {
        let answer =
            json!({"t": "2024-03-04T14:30:00Z", "bars": [{"t": "2024-03-04T09:30:00-05:00"}], "x": "AAPL"});
        let expected =
            json!({"t": "2024-03-04T14:29:00Z", "bars": [{"t": "2024-03-04T09:29:00-05:00"}], "x": "AAPL"});
        assert_eq!(stale(answer, 60), expected);
    }

    #[test]
    fn malformed_answers_cannot_be_read() {
        for whole in ["{}", "[1,2]", "null", r#"{"a":"bcd"}"#] {
            assert!(serde_json::from_slice::<Value>(&malformed(&Bytes::from(whole))).is_err(), "{whole}");
        }
    }
}
