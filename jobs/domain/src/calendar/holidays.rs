//! The days on which the exchange is closed although they are weekdays.
//!
//! Source: NYSE Rule 7.2, Holidays (formerly Rule 51), and the exchange's published list of
//! closures. A holiday on a Saturday is observed on the Friday before, unless that ends an
//! accounting period (so never for New Year); one on a Sunday is observed on the Monday.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Closures outside the rule: the attacks of September 2001, days of mourning for Presidents
/// Reagan, Ford, Bush and Carter, and the storm of October 2012.
const UNSCHEDULED: [(i32, u32, u32); 10] = [
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),
    (2007, 1, 2),
    (2012, 10, 29),
    (2012, 10, 30),
    (2018, 12, 5),
    (2025, 1, 9),
];

/// The first year in which Martin Luther King Day was a holiday of the exchange.
const KING_DAY_SINCE: i32 = 1998;
/// The first year in which Juneteenth was a holiday of the exchange.
const JUNETEENTH_SINCE: i32 = 2022;

/// Returns whether the exchange was closed on `date` outside the rule.
pub(super) fn is_unscheduled_closure(date: NaiveDate) -> bool {
    UNSCHEDULED.contains(&(date.year(), date.month(), date.day()))
}

/// Returns whether the weekday `date` is a holiday or the day one is observed on.
pub(super) fn is_holiday(date: NaiveDate) -> bool {
    let year = date.year();
    match date.month() {
        1 => is_new_year(date) || (year >= KING_DAY_SINCE && is_nth(date, Weekday::Mon, 3)),
        2 => is_nth(date, Weekday::Mon, 3),
        3 | 4 => date == good_friday(year),
        5 => date.weekday() == Weekday::Mon && date.day() > 24,
        6 => year >= JUNETEENTH_SINCE && is_observed(date, 6, 19),
        7 => is_observed(date, 7, 4),
        9 => is_nth(date, Weekday::Mon, 1),
        11 => is_nth(date, Weekday::Thu, 4),
        12 => is_observed(date, 12, 25),
        _ => false,
    }
}

/// New Year, moved to the Monday from a Sunday, never to the Friday from a Saturday.
fn is_new_year(date: NaiveDate) -> bool {
    date.day() == 1 || (date.day() == 2 && date.weekday() == Weekday::Mon)
}

fn is_observed(date: NaiveDate, month: u32, day: u32) -> bool {
    let falls_on = |near: Option<NaiveDate>| near.is_some_and(|d| (d.month(), d.day()) == (month, day));
    match date.weekday() {
        Weekday::Mon if falls_on(date.pred_opt()) => true,
        Weekday::Fri if falls_on(date.succ_opt()) => true,
        _ => falls_on(Some(date)),
    }
}

fn is_nth(date: NaiveDate, weekday: Weekday, nth: u32) -> bool {
    date.weekday() == weekday && date.day().div_ceil(7) == nth
}

fn good_friday(year: i32) -> NaiveDate {
    easter(year) - Days::new(2)
}

/// Returns Easter Sunday in the Gregorian calendar.
///
/// Source: the anonymous computus printed in Nature, 20 April 1876, as given by Meeus,
/// "Astronomical Algorithms" (1991), chapter 8; valid for every Gregorian year.
fn easter(year: i32) -> NaiveDate {
    let golden = year % 19;
    let (century, of_century) = (year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let shift = (golden + 11 * epact + 22 * to_sunday) / 451;
    let days = epact + to_sunday - 7 * shift + 114;
    u32::try_from(days / 31)
        .ok()
        .zip(u32::try_from(days % 31 + 1).ok())
        .and_then(|(month, day)| NaiveDate::from_ymd_opt(year, month, day))
        .expect("the computus yields a day of march or april")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_matches_published_dates() {
        let cases = [
            (1999, 4, 4),
            (2000, 4, 23),
            (2008, 3, 23),
            (2011, 4, 24),
            (2016, 3, 27),
            (2024, 3, 31),
            (2025, 4, 20),
            (2038, 4, 25),
        ];
        for (year, month, day) in cases {
            assert_eq!(Some(easter(year)), NaiveDate::from_ymd_opt(year, month, day));
        }
    }
}
