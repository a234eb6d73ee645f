//! Amounts as clients read them: text in rows, numbers in mapped views.

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde_json::Value;

/// Returns `amount` as plain decimal text without trailing zeros.
pub(in crate::routes) fn text(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// Returns `amount` with two decimals, halves away from zero.
pub(super) fn money(amount: Decimal) -> String {
    fixed(amount, 2)
}

/// Returns `amount` with exactly `decimals` decimals, halves away from zero.
pub(super) fn fixed(amount: Decimal, decimals: u32) -> String {
    let rounded = amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    // Never "-0.00".
    let rounded = if rounded.is_zero() { Decimal::ZERO } else { rounded };
    format!("{rounded:.0$}", decimals as usize)
}

/// Returns `amount` as the nearest JSON number.
pub(in crate::routes) fn number(amount: Decimal) -> f64 {
    amount.to_f64().unwrap_or_default()
}

/// Returns the amount at `key` of a broker's object, which writes amounts as text or numbers.
pub(super) fn of(object: &Value, key: &str) -> Option<Decimal> {
    match &object[key] {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// Returns `part` in percent of `whole`, or zero when there is no whole.
pub(super) fn percent(part: Decimal, whole: Decimal) -> Decimal {
    let of_whole = part.checked_div(whole.abs()).and_then(|ratio| ratio.checked_mul(Decimal::ONE_HUNDRED));
    of_whole.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn amount(text: &str) -> Decimal {
        text.parse().expect("an amount of this test is valid")
    }

    #[test]
    fn amounts_are_written_as_clients_read_them() {
        for (given, plain, two) in [
            ("10.00", "10", "10.00"),
            ("0", "0", "0.00"),
            ("-0.004", "-0.004", "0.00"),
            ("1234567.125", "1234567.125", "1234567.13"),
            ("-1.005", "-1.005", "-1.01"),
            ("100", "100", "100.00"),
        ] {
            assert_eq!(text(amount(given)), plain);
            assert_eq!(money(amount(given)), two);
        }
        assert_eq!(fixed(amount("66.66"), 1), "66.7");
    }

    #[test]
    fn a_brokers_amount_is_read_from_text_and_number() {
        let object = json!({"cash": "12.50", "count": 3, "name": "x", "none": null});
        assert_eq!(of(&object, "cash"), Some(amount("12.50")));
        assert_eq!(of(&object, "count"), Some(amount("3")));
        for key in ["name", "none", "absent"] {
            assert_eq!(of(&object, key), None, "{key}");
        }
    }

    #[test]
    fn a_part_of_nothing_is_no_percent() {
        assert_eq!(percent(amount("5"), amount("-50")), amount("10"));
        assert_eq!(percent(amount("5"), Decimal::ZERO), Decimal::ZERO);
    }
}
