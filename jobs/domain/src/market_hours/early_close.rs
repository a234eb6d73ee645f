//! The sessions that end at 13:00.
//!
//! Source: NYSE Rule 7.1 ("Hours of Business") and the calendars published with it: the day after
//! Thanksgiving, Christmas Eve, and the eve of Independence Day. Exact from 1998 on but for early
//! closes that were announced for one year only, such as 26 December 2003.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::calendar;

/// The first year in which a Wednesday before Independence Day closed early; until then the
/// Friday after it did.
const WEDNESDAY_EVE_SINCE: i32 = 2013;

/// Returns whether `day` is a session that ends at 13:00 New York time.
pub fn is_early_close(day: NaiveDate) -> bool {
    let year = day.year();
    let by_rule = match (day.month(), day.day(), day.weekday()) {
        (7, 3, Weekday::Wed) => year >= WEDNESDAY_EVE_SINCE,
        (11, 23..=29, Weekday::Fri) | (12, 24, _) | (7, 3, _) => true,
        (7, 5, Weekday::Fri) => year < WEDNESDAY_EVE_SINCE,
        _ => false,
    };
    by_rule && calendar::is_session(day)
}
