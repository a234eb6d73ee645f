//! Amounts: from decimal strings in the trading API, from the digits of numbers in market data.

use std::fmt;

use rust_decimal::Decimal;
use serde::{
    Deserializer,
    de::{Error, Visitor},
};
use serde_json::value::RawValue;

/// An amount that was a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Money(pub(super) Decimal);

impl<'de> serde::Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Digits).map(Self)
    }
}

/// Takes strings only: a float has lost digits before it gets here.
struct Digits;

impl Visitor<'_> for Digits {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number in a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        exact(text)
            .ok_or_else(|| E::custom(format!("{:?} is no decimal number", text.get(..40).unwrap_or(text))))
    }
}

/// Returns the value of `text` without loss: digits, a point and a sign, up to 28 digits.
fn exact(text: &str) -> Option<Decimal> {
    // Underscores and a leading plus are the library's liberties, not the wire's.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    if plain { Decimal::from_str_exact(text).ok() } else { None }
}

/// Returns the value of a JSON number by its digits; `None` when it is no number or has too many.
pub(super) fn number(raw: &RawValue) -> Option<Decimal> {
    let text = raw.get();
    exact(text).or_else(|| {
        let exponent = text.contains(['e', 'E']) && !text.starts_with('"');
        if exponent { Decimal::from_scientific(text).ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn money_is_read_from_strings_only_and_exactly() {
        let read = |value| serde_json::from_value::<Money>(value).map(|money| money.0.to_string());
        for (value, expected) in [
            (json!("187.5"), "187.5"),
            (json!("-0.000000001"), "-0.000000001"),
            (json!("0"), "0"),
            (json!("79228162514264337593543950335"), "79228162514264337593543950335"),
        ] {
            assert_eq!(read(value).expect("a decimal string"), expected);
        }
        for bad in [
            json!(187.5),
            json!(187),
            json!(null),
            json!(""),
            json!("1e3"),
            json!("+1"),
            json!("1_000"),
            json!("NaN"),
            json!("1,5"),
            json!(" 1"),
            json!("0.00000000000000000000000000001"),
            json!("999999999999999999999999999999"),
            json!("ä".repeat(50)),
        ] {
            read(bad.clone()).expect_err(&bad.to_string());
        }
    }

    #[test]
    fn a_number_keeps_its_digits() {
        let read = |text: &str| number(&RawValue::from_string(text.into()).expect("JSON"));
        for (text, expected) in
            [("0.1", "0.1"), ("187.93", "187.93"), ("1e-5", "0.00001"), ("1.5E2", "150"), ("-3", "-3")]
        {
            assert_eq!(read(text).expect("a number").normalize().to_string(), expected);
        }
        for bad in ["\"0.1\"", "null", "true", "{}", "[1]", "\"1e5\"", "1e999"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
