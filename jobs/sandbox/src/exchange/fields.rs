//! Reads the fields of a request body, and names the one that is wrong.

use std::str::FromStr as _;

use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The largest amount taken, so that no product of two overflows.
const LARGEST: Decimal = Decimal::from_parts(1_410_065_408, 2, 0, false, 0);

/// The fields of a JSON object; null counts as absent, empty text too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Returns the fields of `body`, or the refusal of a body that is no object.
    pub(super) fn of(body: &'a Value) -> Result<Self, Refusal> {
        body.as_object().map(Self).ok_or_else(Refusal::body)
    }

    fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// Returns the object `name`, if any.
    pub(super) fn object(self, name: &str) -> Result<Option<Self>, Refusal> {
        self.value(name)
            .map(|value| {
                value.as_object().map(Self).ok_or_else(|| Refusal::field(format!("{name} must be an object")))
            })
            .transpose()
    }

    /// Returns the text `name`, if any.
    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.value(name)
            .map(|value| value.as_str().ok_or_else(|| Refusal::field(format!("{name} must be a string"))))
            .transpose()
    }

    /// Returns whether `name` is set; absent is `false`.
    pub(super) fn flag(self, name: &str) -> Result<bool, Refusal> {
        self.value(name).map_or(Ok(false), |value| {
            value.as_bool().ok_or_else(|| Refusal::field(format!("{name} must be a boolean")))
        })
    }

    /// Returns the word `name` of a fixed list, if any.
    pub(super) fn word<T: DeserializeOwned>(self, name: &str) -> Result<Option<T>, Refusal> {
        self.value(name)
            .map(|value| {
                serde_json::from_value(value.clone())
                    .map_err(|_| Refusal::field(format!("invalid {name}: {}", shown(value))))
            })
            .transpose()
    }

    /// Returns the word `name` of a fixed list, or says that it is missing.
    pub(super) fn needed<T: DeserializeOwned>(self, name: &str) -> Result<T, Refusal> {
        self.word(name)?.ok_or_else(|| Refusal::field(format!("{name} is required")))
    }

    /// Returns the positive amount `name`, given as text or as a number, if any.
    pub(super) fn amount(self, name: &str) -> Result<Option<Decimal>, Refusal> {
        self.value(name).map(|value| positive(name, value)).transpose()
    }
}

/// Returns the positive amount in `value`, at most ten thousand million.
pub fn positive(name: &str, value: &Value) -> Result<Decimal, Refusal> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Refusal::field(format!("{name} must be a number"))),
    };
    let amount = Decimal::from_str(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .map_err(|_| Refusal::field(format!("{name} must be a number, not {text}")))?;
    if amount <= Decimal::ZERO {
        return Err(Refusal::field(format!("{name} must be > 0")));
    }
    if amount > LARGEST {
        return Err(Refusal::field(format!("{name} must be at most {LARGEST}")));
    }
    Ok(amount.normalize())
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
