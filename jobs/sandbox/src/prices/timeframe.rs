//! The lengths of bars that can be asked for.

use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate};
use thiserror::Error;

/// A length of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeframe {
    /// So many minutes, 1 to 59 or whole hours up to 23; counted from midnight in New York.
    Minutes(u32),
    /// A session.
    Day,
    /// A week, from Monday.
    Week,
    /// So many months: 1, 2, 3, 4, 6 or 12; counted from January.
    Months(u32),
}

/// A text that is no timeframe.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid timeframe: {0}")]
pub struct TimeframeError(String);

impl FromStr for Timeframe {
    type Err = TimeframeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(letters);
        let count = if count.is_empty() { Ok(1) } else { count.parse() };
        let found = match (count, unit) {
            (Ok(n @ 1..=59), "Min" | "T") => Some(Self::Minutes(n)),
            (Ok(n @ 1..=23), "Hour" | "H") => Some(Self::Minutes(n * 60)),
            (Ok(1), "Day" | "D") => Some(Self::Day),
            (Ok(1), "Week" | "W") => Some(Self::Week),
            (Ok(n @ (1 | 2 | 3 | 4 | 6 | 12)), "Month" | "M") => Some(Self::Months(n)),
            _ => None,
        };
        found.ok_or_else(|| TimeframeError(text.to_owned()))
    }
}

impl Timeframe {
    /// Returns the first date of the bar that `date` is in.
    pub fn first_date(self, date: NaiveDate) -> NaiveDate {
        match self {
            Self::Minutes(_) | Self::Day => date,
            Self::Week => date - Days::new(date.weekday().num_days_from_monday().into()),
            Self::Months(n) => {
                let month = (date.month0() / n) * n + 1;
                NaiveDate::from_ymd_opt(date.year(), month, 1).expect("the first of a month exists")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeframes_are_read_in_both_spellings() {
        let cases = [
            ("1Min", Timeframe::Minutes(1)),
            ("59T", Timeframe::Minutes(59)),
            ("23Hour", Timeframe::Minutes(23 * 60)),
            ("1H", Timeframe::Minutes(60)),
            ("1Day", Timeframe::Day),
            ("1W", Timeframe::Week),
            ("12Month", Timeframe::Months(12)),
        ];
        for (text, timeframe) in cases {
            assert_eq!(text.parse(), Ok(timeframe));
        }
        for text in
            ["", "60Min", "0Min", "24Hour", "2Day", "2Week", "5Month", "1Year", "Minute", "99999999999Min"]
        {
            assert!(text.parse::<Timeframe>().is_err(), "{text}");
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_quarters_in_january() {
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        assert_eq!(Timeframe::Week.first_date(date("2024-03-10")), date("2024-03-04"));
        assert_eq!(Timeframe::Months(3).first_date(date("2024-06-30")), date("2024-04-01"));
        assert_eq!(Timeframe::Day.first_date(date("2024-06-30")), date("2024-06-30"));
    }
}
