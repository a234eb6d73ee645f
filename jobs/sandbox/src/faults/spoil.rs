//! Answers made wrong.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
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

/// Names under which times are numbers.
const TIMES: [&str; 5] = ["t", "updated", "datetime", "timestamp", "regularMarketTime"];
/// Names under which dates are texts.
const DATES: [&str; 4] = ["date", "filed", "filingDate", "last_updated"];

/// Puts every time `seconds` back: texts of RFC 3339 wherever they are, unix numbers and dates
/// under the names that providers give them.
pub(super) fn stale(value: Value, seconds: u32) -> Value {
    stale_under("", value, seconds)
}

fn stale_under(name: &str, value: Value, seconds: u32) -> Value {
    match value {
        Value::String(text) => stale_text(name, &text, seconds).unwrap_or(text).into(),
        Value::Number(number) => match number.as_i64().filter(|_| TIMES.contains(&name)) {
            Some(at) if at > 0 => (at - i64::from(seconds) * a_second(at)).into(),
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(|item| stale_under(name, item, seconds)).collect(),
        Value::Object(keys) => keys
            .into_iter()
            .map(|(key, value)| {
                let value = stale_under(&key, value, seconds);
                (key, value)
            })
            .collect(),
        other => other,
    }
}

fn stale_text(name: &str, text: &str, seconds: u32) -> Option<String> {
    let back = TimeDelta::seconds(seconds.into());
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some((at - back).to_rfc3339_opts(SecondsFormat::AutoSi, true));
    }
    let date = text.parse::<NaiveDate>().ok().filter(|_| DATES.contains(&name))?;
    Some((date - back).to_string())
}

/// Returns how much of the unit of `at` a second is: unix seconds, or parts of them.
fn a_second(at: i64) -> i64 {
    match at {
        ..=99_999_999_999 => 1,
        100_000_000_000..=99_999_999_999_999 => 1_000,
        100_000_000_000_000..=99_999_999_999_999_999 => 1_000_000,
        _ => 1_000_000_000,
    }
}

/// Makes words of the numbers of a file of columns; other text stays as it is.
pub(super) fn mistyped_columns(whole: &Bytes) -> Vec<u8> {
    let text = String::from_utf8_lossy(whole);
    let lines = text.split_inclusive('\n').map(|line| {
        let fields = line.split('|').map(|field| if field.ends_with(".000") { "about" } else { field });
        fields.collect::<Vec<_>>().join("|")
    });
    lines.collect::<String>().into_bytes()
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
    fn unix_times_and_dates_become_stale_under_their_names() {
        let answer = json!({
            "results": [{"t": 1_709_562_600_000_i64, "v": 1_709_562_600_000_i64}],
            "updated": 1_709_562_600_000_000_000_i64,
            "timestamp": [1_709_562_600],
            "t": 0,
            "date": "2024-03-04",
            "end": "2024-03-04",
        });
        let expected = json!({
            "results": [{"t": 1_709_476_200_000_i64, "v": 1_709_562_600_000_i64}],
            "updated": 1_709_476_200_000_000_000_i64,
            "timestamp": [1_709_476_200],
            "t": 0,
            "date": "2024-03-03",
            "end": "2024-03-04",
        });
        assert_eq!(stale(answer, 86_400), expected);
    }

    #[test]
    fn malformed_answers_cannot_be_read() {
        for whole in ["{}", "[1,2]", "null", r#"{"a":"bcd"}"#] {
            assert!(serde_json::from_slice::<Value>(&malformed(&Bytes::from(whole))).is_err(), "{whole}");
        }
    }
}
