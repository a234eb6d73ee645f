//! Reading the bodies of this resource: every field is looked at, and every fault is told.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::{
    error::{ApiError, ApiResult, codes},
    plain_text::plain,
};

/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// A body, and what is wrong with it.
#[derive(Debug)]
pub(in crate::routes) struct Fields {
    fields: Map<String, Value>,
    faults: Vec<(String, String)>,
}

impl Fields {
    /// Takes a body, which has to be an object.
    pub(in crate::routes) fn new(body: Value) -> ApiResult<Self> {
        match body {
            Value::Object(fields) => Ok(Self { fields, faults: Vec::new() }),
            _ => Err(ApiError::bad_request(codes::INVALID_FIELD, "the body must be a JSON object")),
        }
    }

    /// Notes that `field` is at fault.
    pub(in crate::routes) fn fault(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push((field.to_owned(), message.into()));
    }

    /// Returns what was sent for `field`; null counts as nothing.
    pub(in crate::routes) fn sent(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// Returns whether `field` was sent, if only as null.
    pub(in crate::routes) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Returns the number at `field`, sent as number or text, above `over` and up to `most`.
    pub(in crate::routes) fn number(&mut self, field: &str, over: i64, most: i64) -> Option<Decimal> {
        let value = self.sent(field)?;
        let number = match value {
            Value::Number(number) => {
                let text = number.to_string();
                text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
            }
            Value::String(text) => text.trim().parse::<Decimal>().ok(),
            _ => None,
        };
        let fits = |number: &Decimal| *number > Decimal::from(over) && *number <= Decimal::from(most);
        let found = number.filter(fits);
        if found.is_none() {
            let message =
                format!("{field} must be a number above {over} and at most {most}, not {}", short(value));
            self.fault(field, message);
        }
        // More decimals mean nothing here.
        found.map(|number| number.round_dp(6)).filter(|number| *number > Decimal::from(over))
    }

    /// Returns the whole number at `field`, sent as number or text, from `least` to `most`.
    pub(in crate::routes) fn whole(&mut self, field: &str, least: i32, most: i32) -> Option<i32> {
        let value = self.sent(field)?;
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let found = number.and_then(|number| i32::try_from(number).ok());
        let found = found.filter(|number| (least..=most).contains(number));
        if found.is_none() {
            let message =
                format!("{field} must be a whole number from {least} to {most}, not {}", short(value));
            self.fault(field, message);
        }
        found
    }

    /// Returns the boolean at `field`, which has to be there.
    pub(in crate::routes) fn required_flag(&mut self, field: &str) -> Option<bool> {
        let found = self.sent(field).and_then(Value::as_bool);
        if found.is_none() {
            let sent = self.sent(field).map_or_else(|| "missing".to_owned(), short);
            self.fault(field, format!("{field} must be true or false, not {sent}"));
        }
        found
    }

    /// Returns the boolean at `field`, if one was sent.
    pub(in crate::routes) fn flag(&mut self, field: &str) -> Option<bool> {
        self.sent(field)?;
        self.required_flag(field)
    }

    /// Returns the reason, in plain text; at most 500 characters.
    pub(in crate::routes) fn reason(&mut self) -> Option<String> {
        let value = self.sent("reason")?;
        let Some(text) = value.as_str() else {
            let message = format!("reason must be a text, not {}", short(value));
            self.fault("reason", message);
            return None;
        };
        let text = plain(text);
        let length = text.chars().count();
        if length > MAX_REASON {
            self.fault("reason", format!("reason has {length} characters, at most {MAX_REASON} are allowed"));
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// Refuses the body with the first fault; the details hold all of them.
    pub(in crate::routes) fn check(self) -> ApiResult<()> {
        let Some((field, message)) = self.faults.first() else { return Ok(()) };
        let faults = self.faults.iter().map(|(field, message)| json!({ "field": field, "message": message }));
        let details = json!({ "field": field, "errors": faults.collect::<Vec<_>>() });
        Err(ApiError::bad_request(codes::INVALID_FIELD, message.clone()).with_details(details))
    }
}

/// Returns `value` as the message shows it.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: &Value) -> Result<Option<String>, ApiError> {
        let mut fields = Fields::new(json!({ "n": value })).expect("an object");
        let found = fields.number("n", 0, 100);
        fields.check().map(|()| found.map(|number| number.normalize().to_string()))
    }

    #[test]
    fn numbers_come_as_numbers_or_text_within_their_range() {
        for (sent, expected) in [
            (json!(10), Some("10")),
            (json!(0.5), Some("0.5")),
            (json!("12.50"), Some("12.5")),
            (json!(100), Some("100")),
            (json!(null), None),
        ] {
            assert_eq!(number(&sent).expect("it fits").as_deref(), expected, "{sent}");
        }
        for sent in [
            json!(0),
            json!(-1),
            json!(100.01),
            json!("ten"),
            json!(true),
            json!([1]),
            json!(1e300),
            json!(""),
        ] {
            let error = number(&sent).expect_err("it does not fit");
            assert_eq!(error.code(), codes::INVALID_FIELD, "{sent}");
        }
    }

    #[test]
    fn every_fault_is_told() {
        let mut fields = Fields::new(json!({"a": -1, "b": 1.5, "reason": 7})).expect("an object");
        fields.number("a", 0, 100);
        fields.whole("b", 1, 100);
        fields.reason();
        fields.required_flag("activate");
        let error = fields.check().expect_err("four faults");
        assert!(error.to_string().starts_with("a must be a number"), "{error}");
        assert!(Fields::new(json!([])).is_err());
    }
}
