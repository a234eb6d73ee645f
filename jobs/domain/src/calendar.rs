//! The sessions of the New York Stock Exchange, by rule.
//!
//! Weekdays without the holidays of NYSE Rule 7.2 ("Holidays") and without the unscheduled
//! closures the exchange has announced. Exact from 1998 on; earlier years follow today's rules
//! where those already held, and know no unscheduled closures. Early closes are sessions.
//! Announcements to come can't be known: a future session is a forecast.

mod holidays;

use chrono::{Datelike, NaiveDate, Weekday};

/// Returns whether the exchange trades on `date` (a New York calendar date).
pub fn is_session(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
        && !holidays::is_holiday(date)
        && !holidays::is_unscheduled_closure(date)
}

/// Returns the sessions from `from` to `to`, both included, ascending.
pub fn sessions(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |date| *date <= to).filter(|date| is_session(*date))
}

/// Returns the first session after `date`.
pub fn next_session(date: NaiveDate) -> NaiveDate {
    date.iter_days().skip(1).find(|next| is_session(*next)).expect("the exchange is never closed for good")
}

/// Returns `date` when it is a session, else the last session before it.
pub fn session_on_or_before(date: NaiveDate) -> NaiveDate {
    std::iter::successors(Some(date), NaiveDate::pred_opt)
        .find(|day| is_session(*day))
        .expect("the exchange has traded before")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AAPL: &str = include_str!("../../market_data/ohlcv/adjusted/AAPL.csv");

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date of this test is valid")
    }

    fn sessions_of(text: &str) -> Vec<NaiveDate> {
        text.lines().skip(1).map(|line| day(&line[..10])).collect()
    }

    #[test]
    fn the_sessions_are_exactly_those_of_the_shipped_history() {
        let computed: Vec<_> = sessions(day("2000-03-01"), day("2013-03-01")).collect();
        assert_eq!(computed, sessions_of(AAPL));
    }

    #[test]
    fn january_2024_has_21_sessions() {
        assert_eq!(sessions(day("2024-01-01"), day("2024-01-31")).count(), 21);
    }

    #[test]
    fn years_have_the_published_number_of_sessions() {
        for (year, count) in [(2018, 251), (2019, 252), (2020, 253), (2021, 252), (2022, 251), (2023, 250)] {
            let from = NaiveDate::from_ymd_opt(year, 1, 1).expect("the first of January exists");
            let to = NaiveDate::from_ymd_opt(year, 12, 31).expect("the end of December exists");
            assert_eq!(sessions(from, to).count(), count, "{year}");
        }
    }

    #[test]
    fn holidays_follow_the_rule_book() {
        let cases = [
            ("2010-12-31", true, "new year on a saturday is not observed on the friday"),
            ("2021-12-31", true, "new year on a saturday is not observed on the friday"),
            ("2023-01-02", false, "new year on a sunday is observed on the monday"),
            ("1997-01-20", true, "no martin luther king day before 1998"),
            ("1998-01-19", false, "the first martin luther king day"),
            ("2024-02-19", false, "presidents' day"),
            ("2024-03-29", false, "good friday"),
            ("2038-04-23", false, "good friday, late"),
            ("2024-05-27", false, "memorial day"),
            ("2021-06-18", true, "juneteenth was not yet a holiday"),
            ("2022-06-20", false, "juneteenth on a sunday, observed on the monday"),
            ("2027-06-18", false, "juneteenth on a saturday, observed on the friday"),
            ("2020-07-03", false, "independence day on a saturday, observed on the friday"),
            ("2021-07-05", false, "independence day on a sunday, observed on the monday"),
            ("2024-09-02", false, "labor day"),
            ("2024-11-28", false, "thanksgiving"),
            ("2024-11-29", true, "the day after thanksgiving closes early, and is a session"),
            ("2021-12-24", false, "christmas on a saturday, observed on the friday"),
            ("2022-12-26", false, "christmas on a sunday, observed on the monday"),
            ("2001-09-14", false, "attacks of 11 september"),
            ("2001-09-17", true, "reopened"),
            ("2018-12-05", false, "mourning for a president"),
            ("2025-01-09", false, "mourning for a president"),
            ("2024-06-15", false, "a saturday"),
        ];
        for (date, open, why) in cases {
            assert_eq!(is_session(day(date)), open, "{date}: {why}");
        }
    }

    #[test]
    fn the_next_session_skips_closures() {
        assert_eq!(next_session(day("2001-09-10")), day("2001-09-17"));
        assert_eq!(next_session(day("2013-03-01")), day("2013-03-04"));
        assert_eq!(session_on_or_before(day("2001-09-16")), day("2001-09-10"));
        assert_eq!(session_on_or_before(day("2013-03-01")), day("2013-03-01"));
    }

    proptest! {
        #[test]
        fn a_year_has_between_248_and_254_sessions(year in 1998_i32..2100) {
            let from = NaiveDate::from_ymd_opt(year, 1, 1).expect("the first of January exists");
            let to = NaiveDate::from_ymd_opt(year, 12, 31).expect("the end of December exists");
            prop_assert!((248..=254).contains(&sessions(from, to).count()));
        }

        #[test]
        fn the_next_session_is_the_first_of_those_that_follow(offset in 0_u64..36_500) {
            let date = day("1998-01-01") + chrono::Days::new(offset);
            let next = next_session(date);
            prop_assert!(next > date && is_session(next));
            prop_assert_eq!(sessions(date + chrono::Days::new(1), next).count(), 1);
        }
    }
}
