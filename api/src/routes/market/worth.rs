//! Figures of quotes as numbers.

use jobs::db::market_cache::QuoteRow;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::fresh::FRESH_S;

/// Decimals of a percentage.
const DECIMALS: u32 = 4;

/// Returns `amount` as the nearest JSON number, if there is one.
pub(in crate::routes) fn number(amount: Option<Decimal>) -> Option<f64> {
    amount.and_then(|amount| amount.to_f64())
}

/// Returns whether there is no quote, or it was asked for more than [`FRESH_S`] ago.
pub(in crate::routes) fn stale(row: Option<&QuoteRow>) -> bool {
    row.is_none_or(|row| row.age_s > FRESH_S)
}

/// Returns the price less the last close, if that is known.
pub(in crate::routes) fn change(row: &QuoteRow) -> Option<Decimal> {
    row.previous_close.map(|close| row.price - close)
}

/// Returns the change in percent of the last close, if that is known.
pub(in crate::routes) fn change_percent(row: &QuoteRow) -> Option<Decimal> {
    let close = row.previous_close?;
    let ratio = (row.price - close).checked_div(close)?;
    ratio.checked_mul(Decimal::ONE_HUNDRED).map(|percent| percent.round_dp(DECIMALS))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_change_needs_a_close_to_be_held_against() {
        let amount = |text: &str| text.parse::<Decimal>().expect("an amount of this test is valid");
        for (price, close, expected) in [
            ("110", Some("100"), Some((10.0, 10.0))),
            ("99", Some("100"), Some((-1.0, -1.0))),
            ("1", Some("3"), Some((-2.0, -66.6667))),
            ("110", None, None),
        ] {
            let row = QuoteRow {
                symbol: "AAPL".into(),
                price: amount(price),
                previous_close: close.map(amount),
                open: None,
                high: None,
                low: None,
                volume: None,
                as_of: DateTime::UNIX_EPOCH,
                fetched_at: DateTime::UNIX_EPOCH,
                provider: "polygon".into(),
                fallbacks: Vec::new(),
                age_s: 0.0,
            };
            assert_eq!(number(change(&row)).zip(number(change_percent(&row))), expected, "{price} {close:?}");
        }
    }
}
