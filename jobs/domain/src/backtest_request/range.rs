//! The dates of a request: plain, or the date (in UTC) of a full timestamp.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use serde_json::{Map, Value};

use super::{
    RequestError,
    fields::{Field, field},
};

/// The years a request may reach into.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2100;

/// The first and the last day, with the texts they came as.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) start_as_sent: String,
    pub(super) end_as_sent: String,
}

/// Decodes `startDate` and `endDate`.
pub(super) fn decode(body: &Map<String, Value>) -> Result<Range, RequestError> {
    let (from, start_as_sent) = date(body, "startDate", "START_DATE_REQUIRED")?;
    let (to, end_as_sent) = date(body, "endDate", "END_DATE_REQUIRED")?;
    if to < from {
        let message = format!("endDate is {to}, must not be before startDate {from}");
        return Err(RequestError::new("END_BEFORE_START", "endDate", message));
    }
    Ok(Range { from, to, start_as_sent, end_as_sent })
}

fn date(
    body: &Map<String, Value>,
    name: &'static str,
    missing: &'static str,
) -> Result<(NaiveDate, String), RequestError> {
    let given = field(body, &[name]).filter(|given: &Field| given.value.as_str() != Some(""));
    let Some(given) = given else {
        return Err(RequestError::new(missing, name, format!("{name} is required, for example 2024-01-31")));
    };
    let text = given.value.as_str().map(str::trim);
    let Some((date, text)) = text.and_then(|text| Some((parse(text)?, text))) else {
        return Err(
            given.refuse("INVALID_DATE", "must be a date such as 2024-01-31 or an ISO 8601 timestamp")
        );
    };
    if !YEARS.contains(&date.year()) {
        return Err(given.refuse("DATE_OUT_OF_RANGE", "must be from 1970-01-01 to 2100-12-31"));
    }
    Ok((date, text.to_owned()))
}

fn parse(text: &str) -> Option<NaiveDate> {
    if text.len() == 10 {
        return text.parse().ok();
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.naive_utc().date())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.date()))
        .ok()
}
