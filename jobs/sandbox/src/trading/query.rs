//! Reads query parameters, and names the one that is wrong.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::Query;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exchange::Refusal;

/// The parameters of a request, the last one of each name.
pub(super) type Parameters = Query<HashMap<String, String>>;

/// Parameters read by name; empty text counts as absent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a>(pub &'a HashMap<String, String>);

impl<'a> Given<'a> {
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn parsed<T: FromStr>(self, name: &str) -> Result<Option<T>, Refusal> {
        let invalid = |text: &str| Refusal::field(format!("invalid {name}: {text}"));
        self.text(name).map(|text| text.parse().map_err(|_| invalid(text))).transpose()
    }

    pub(super) fn word<T: DeserializeOwned>(self, name: &str) -> Result<Option<T>, Refusal> {
        let invalid = |text: &str| Refusal::field(format!("invalid {name}: {text}"));
        self.text(name)
            .map(|text| serde_json::from_value(Value::from(text)).map_err(|_| invalid(text)))
            .transpose()
    }

    pub(super) fn flag(self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(Refusal::field(format!("invalid {name}: {text}"))),
        }
    }

    /// Whether `direction` asks for the oldest first.
    pub(super) fn ascending(self) -> Result<bool, Refusal> {
        match self.text("direction") {
            None | Some("desc") => Ok(false),
            Some("asc") => Ok(true),
            Some(text) => Err(Refusal::field(format!("invalid direction: {text}"))),
        }
    }

    /// Returns a number from 1 to `most`, `default` when absent.
    pub(super) fn count(self, name: &str, default: usize, most: usize) -> Result<usize, Refusal> {
        match self.parsed(name)? {
            None => Ok(default),
            Some(count) if (1..=most).contains(&count) => Ok(count),
            Some(count) => {
                Err(Refusal::field(format!("invalid {name}: {count} is not between 1 and {most}")))
            }
        }
    }

    /// Returns a time written as RFC 3339, or the start of a UTC date.
    pub(super) fn time(self, name: &str) -> Result<Option<DateTime<Utc>>, Refusal> {
        self.text(name)
            .map(|text| {
                // A plus sign that was not escaped arrives as a space.
                let text = text.replace(' ', "+");
                DateTime::parse_from_rfc3339(&text)
                    .map(|at| at.to_utc())
                    .or_else(|_| {
                        NaiveDate::from_str(&text).map(|date| date.and_time(NaiveTime::MIN).and_utc())
                    })
                    .map_err(|_| Refusal::field(format!("invalid {name}: {text}")))
            })
            .transpose()
    }
}
