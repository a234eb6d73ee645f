//! Reads single fields of a body, so that every refusal names field and value alike.

use serde_json::{Map, Value};

use super::RequestError;

/// The most characters of a refused value that a message repeats.
const SHOWN: usize = 60;

/// A field that is present, with its path in the client's words.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    pub(super) path: String,
    /// The key under which it was found.
    pub(super) name: &'static str,
    pub(super) value: &'a Value,
}

/// Returns the first of `names` that `body` holds; null counts as absent.
pub(super) fn field<'a>(body: &'a Map<String, Value>, names: &[&'static str]) -> Option<Field<'a>> {
    names.iter().find_map(|name| {
        let value = body.get(*name).filter(|value| !value.is_null())?;
        Some(Field { path: (*name).to_owned(), name, value })
    })
}

impl<'a> Field<'a> {
    /// Returns a refusal that reads "`path` is `value`, `rule`".
    pub(super) fn refuse(&self, code: &'static str, rule: &str) -> RequestError {
        RequestError::new(code, &*self.path, format!("{} is {}, {rule}", self.path, shown(self.value)))
    }

    /// Returns the number, which may also be sent as text.
    pub(super) fn number(&self) -> Result<f64, RequestError> {
        let number = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|number| number.is_finite())
            .ok_or_else(|| self.refuse("INVALID_NUMBER", "must be a finite number"))
    }

    /// Returns the number if it lies from `min` to `max`.
    pub(super) fn number_within(&self, code: &'static str, min: f64, max: f64) -> Result<f64, RequestError> {
        let number = self.number()?;
        if (min..=max).contains(&number) {
            Ok(number)
        } else {
            Err(self.refuse(code, &format!("must be from {min} to {max}")))
        }
    }

    /// Returns the object.
    pub(super) fn object(&self, code: &'static str) -> Result<&'a Map<String, Value>, RequestError> {
        self.value.as_object().ok_or_else(|| self.refuse(code, "must be an object"))
    }

    /// Returns the text in lower case without the space around it.
    pub(super) fn word(&self) -> Option<String> {
        self.value.as_str().map(|text| text.trim().to_lowercase())
    }
}

/// Returns the JSON of `value`, cut to a length that fits a message.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => format!("an object of {}", fields.len()),
        scalar => scalar.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
