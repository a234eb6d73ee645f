//! Reading the parameters of a question about market data.

use std::{collections::HashMap, str::FromStr};

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

use crate::{error::ApiError, hours, prices::Direction};

/// The parameters of a question, as sent.
pub(crate) type Parameters = HashMap<String, String>;

const FEEDS: [&str; 6] = ["sip", "iex", "otc", "delayed_sip", "boats", "overnight"];
const ADJUSTMENTS: [&str; 5] = ["raw", "split", "dividend", "spin-off", "all"];

/// Returns the refusal of a bad parameter.
pub(crate) fn bad(message: impl Into<String>) -> ApiError {
    ApiError::plain(StatusCode::BAD_REQUEST, message)
}

/// Returns a parameter that is neither absent nor empty.
pub(crate) fn given<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

/// Returns the tickers of `symbols`, upper case, in order, each once.
pub(crate) fn symbols(parameters: &Parameters) -> Result<Vec<String>, ApiError> {
    let list = given(parameters, "symbols").ok_or_else(|| bad("symbols is required"))?;
    let mut symbols = Vec::new();
    for symbol in list.split(',').map(str::trim) {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/');
        if symbol.is_empty() || symbol.len() > 16 || !symbol.chars().all(valid) {
            return Err(bad(format!("invalid symbol: {symbol}")));
        }
        symbols.push(symbol.to_ascii_uppercase());
    }
    symbols.sort();
    symbols.dedup();
    Ok(symbols)
}

/// Returns an instant: RFC 3339, or a date, which is midnight in New York.
pub(crate) fn instant(parameters: &Parameters, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
    let Some(text) = given(parameters, name) else { return Ok(None) };
    let read = DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .or_else(|_| NaiveDateTime::from_str(text).map(|at| at.and_utc()))
        .or_else(|_| NaiveDate::from_str(text).map(hours::midnight));
    match read {
        Ok(at) if (1990..=2200).contains(&at.year()) => Ok(Some(at)),
        _ => Err(bad(format!("invalid {name}: {text:?} is neither RFC 3339 nor a date from 1990 to 2200"))),
    }
}

/// Returns `limit`, from 1 to `most`.
pub(crate) fn limit(parameters: &Parameters, default: usize, most: usize) -> Result<usize, ApiError> {
    match given(parameters, "limit").map(str::parse) {
        None => Ok(default),
        Some(Ok(limit)) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(bad(format!("invalid limit: must be from 1 to {most}"))),
    }
}

/// Returns the direction that `sort` names.
pub(crate) fn direction(parameters: &Parameters, default: Direction) -> Result<Direction, ApiError> {
    match given(parameters, "sort") {
        None => Ok(default),
        Some("asc") => Ok(Direction::Ascending),
        Some("desc") => Ok(Direction::Descending),
        Some(other) => Err(bad(format!("invalid sort: {other} is neither asc nor desc"))),
    }
}

/// Refuses a feed or an adjustment that does not exist.
pub(crate) fn feed_and_adjustment(parameters: &Parameters) -> Result<(), ApiError> {
    for (name, known) in [("feed", &FEEDS[..]), ("adjustment", &ADJUSTMENTS[..])] {
        if let Some(value) = given(parameters, name)
            && !value.split(',').all(|part| known.contains(&part))
        {
            return Err(bad(format!("invalid {name}: {value}")));
        }
    }
    Ok(())
}

/// Where a next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageToken {
    /// The symbol of its first item.
    pub(crate) symbol: String,
    /// The time of its first item, in whole milliseconds.
    pub(crate) at: DateTime<Utc>,
}

impl PageToken {
    /// Returns the token as it is sent.
    pub(crate) fn sent(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}|{}", self.symbol, self.at.timestamp_millis()))
    }

    /// Returns the token of `page_token`.
    pub(crate) fn of(parameters: &Parameters) -> Result<Option<Self>, ApiError> {
        let Some(text) = given(parameters, "page_token") else { return Ok(None) };
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (symbol, at) = text.split_once('|')?;
            let at = DateTime::from_timestamp_millis(at.parse().ok()?)?;
            Some(Self { symbol: symbol.to_owned(), at })
        };
        read().map(Some).ok_or_else(|| bad(format!("invalid page_token: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_token_is_read_as_it_was_sent() {
        let token = PageToken { symbol: "AAPL".to_owned(), at: DateTime::UNIX_EPOCH };
        let sent = parameters(&[("page_token", &token.sent())]);
        assert_eq!(PageToken::of(&sent), Ok(Some(token)));
        assert!(PageToken::of(&parameters(&[("page_token", "AAPL")])).is_err());
    }

    #[test]
    fn times_are_instants_or_new_york_dates() {
        for (text, utc) in [
            ("2024-03-04", "2024-03-04T05:00:00Z"),
            ("2024-07-04", "2024-07-04T04:00:00Z"),
            ("2024-03-04T09:30:00-05:00", "2024-03-04T14:30:00Z"),
            ("2024-03-04T14:30:00", "2024-03-04T14:30:00Z"),
        ] {
            let read = instant(&parameters(&[("start", text)]), "start").expect("valid");
            assert_eq!(read, utc.parse().ok(), "{text}");
        }
        for text in ["yesterday", "2024-13-01", "0001-01-01", "1709562600"] {
            assert!(instant(&parameters(&[("start", text)]), "start").is_err(), "{text}");
        }
    }

    #[test]
    fn symbols_are_sorted_and_named_once() {
        let read = symbols(&parameters(&[("symbols", "msft,AAPL, msft")]));
        assert_eq!(read, Ok(vec!["AAPL".to_owned(), "MSFT".to_owned()]));
        for text in ["", "AAPL,,MSFT", "A APL", "<script>"] {
            assert!(symbols(&parameters(&[("symbols", text)])).is_err(), "{text}");
        }
    }
}
