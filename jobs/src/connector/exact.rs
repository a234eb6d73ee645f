//! Decimals from JSON, digit by digit: a price never passes through a float.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// A decimal that was written as a number or as a string.
///
/// It reads from text only, not from a [`serde_json::Value`], which has made it a float already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exact(pub(super) Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
        decimal(text).map(Self).ok_or_else(|| D::Error::custom(format!("{raw} is no decimal")))
    }
}

/// Reads `12.5` or `1.25e1`; digits beyond the 28th are rounded.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_keep_their_digits_and_nothing_else_is_a_decimal() {
        for (json, expected) in [
            ("188.4", "188.4"),
            ("\"188.40\"", "188.40"),
            ("0.1000000000000001", "0.1000000000000001"),
            ("1.2e3", "1200"),
            ("-3", "-3"),
        ] {
            let read: Exact = serde_json::from_str(json).expect(json);
            assert_eq!(read.0.to_string(), expected);
        }
        for json in ["true", "[1]", "\"\"", "\"NaN\"", "\"12,5\"", "{}", "\".\""] {
            serde_json::from_str::<Exact>(json).expect_err(json);
        }
        let none: Option<Exact> = serde_json::from_str("null").expect("null is none");
        assert_eq!(none, None);
    }
}
