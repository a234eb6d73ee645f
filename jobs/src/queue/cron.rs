//! Cron lines in a time zone: when a schedule ticks next.
//!
//! Five fields (minute, hour, day of month, month, day of week), an optional sixth in front
//! for seconds, or a nickname such as `@daily`. When both day fields are set either one
//! suffices, as in Vixie cron. A wall clock time that a zone skips is moved to the first
//! moment after the gap; one that occurs twice ticks at its first occurrence for fixed times.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    errors::CronError as Refusal,
    parser::{CronParser, Seconds, Year},
};

/// The longest cron line; no honest one comes near.
const LONGEST: usize = 128;

/// Why a cron line or a time zone is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// The line is no cron line.
    #[error("{line:?} is no cron line: {reason}")]
    Line {
        /// What was given.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The IANA database knows no such zone.
    #[error("{0:?} is no time zone: use an IANA name such as America/New_York")]
    Zone(String),
}

impl CronError {
    fn line(line: &str, reason: &str) -> Self {
        let reason = reason.trim_end_matches('.').to_owned();
        Self::Line { line: line.chars().take(LONGEST).collect(), reason }
    }
}

/// Returns the first tick of `cron` in zone `tz` strictly after `after`, or `None` when
/// there is none any more (such as 30 February).
pub fn next_tick(cron: &str, tz: &str, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CronError> {
    let zone: Tz = tz.parse().map_err(|_| CronError::Zone(tz.to_owned()))?;
    let pattern = parse(cron)?;
    match pattern.find_next_occurrence(&after.with_timezone(&zone), false) {
        Ok(next) => Ok(Some(next.with_timezone(&Utc))),
        Err(Refusal::TimeSearchLimitExceeded | Refusal::InvalidDate) => Ok(None),
        Err(other) => Err(CronError::line(cron, &other.to_string())),
    }
}

fn parse(line: &str) -> Result<Cron, CronError> {
    if line.len() > LONGEST {
        return Err(CronError::line(line, &format!("longer than {LONGEST} characters")));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(line).map_err(|error| CronError::line(line, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn ticks_follow_the_zone_and_its_changes_of_clock() {
        for (cron, tz, after, expected) in [
            ("0 0 * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("*/15 * * * *", "UTC", "2026-01-01T00:14:59.999Z", "2026-01-01T00:15:00Z"),
            ("*/10 * * * * *", "UTC", "2026-01-01T00:00:01Z", "2026-01-01T00:00:10Z"),
            ("@hourly", "UTC", "2026-01-01T00:00:01Z", "2026-01-01T01:00:00Z"),
            ("30 9 * * MON-FRI", "America/New_York", "2026-01-02T15:00:00Z", "2026-01-05T14:30:00Z"),
            // Summer time begins in New York on 2026-03-08.
            ("30 9 * * MON-FRI", "America/New_York", "2026-03-06T15:00:00Z", "2026-03-09T13:30:00Z"),
            ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 12 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T06:30:00Z"),
        ] {
            assert_eq!(next_tick(cron, tz, at(after)), Ok(Some(at(expected))), "{cron} {tz} {after}");
        }
    }

    #[test]
    fn a_time_that_the_zone_skips_ticks_right_after_the_gap_and_one_that_repeats_ticks_once() {
        let skipped = next_tick("30 2 * * *", "America/New_York", at("2026-03-08T05:00:00Z"));
        let skipped = skipped.expect("a line").expect("a tick");
        assert!(skipped <= at("2026-03-08T08:00:00Z"), "{skipped}");
        let first = next_tick("30 1 * * *", "America/New_York", at("2026-11-01T04:00:00Z"));
        assert_eq!(first, Ok(Some(at("2026-11-01T05:30:00Z"))));
        let second = next_tick("30 1 * * *", "America/New_York", at("2026-11-01T05:30:00Z"));
        assert_eq!(second, Ok(Some(at("2026-11-02T06:30:00Z"))));
    }

    #[test]
    fn a_day_that_never_comes_has_no_tick() {
        assert_eq!(next_tick("0 0 30 2 *", "UTC", at("2026-01-01T00:00:00Z")), Ok(None));
    }

    #[test]
    fn what_is_no_cron_line_or_zone_is_refused_with_the_reason() {
        for line in ["", " ", "hello", "* * *", "61 * * * *", "* * * * * * *", "*/0 * * * *", "a b c d e"] {
            let error = next_tick(line, "UTC", at("2026-01-01T00:00:00Z")).expect_err(line);
            assert!(matches!(&error, CronError::Line { .. }), "{line:?}: {error}");
        }
        for zone in ["", "Mars/Olympus", "utc+1", "America/new_york"] {
            let error = next_tick("* * * * *", zone, at("2026-01-01T00:00:00Z")).expect_err(zone);
            assert_eq!(error, CronError::Zone(zone.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(line in "\\PC{0,40}", zone in "\\PC{0,12}") {
            let _ = next_tick(&line, &zone, at("2026-01-01T00:00:00Z"));
            let _ = next_tick(&line, "UTC", at("2026-01-01T00:00:00Z"));
        }

        #[test]
        fn a_tick_is_later_and_again_a_tick(minute in 0u32..60, hour in 0u32..24, start in 0i64..2_000_000_000) {
            let after = DateTime::from_timestamp(start, 0).expect("in range");
            let line = format!("{minute} {hour} * * *");
            let tick = next_tick(&line, "Europe/Berlin", after).expect("a line").expect("a tick");
            prop_assert!(tick > after && tick - after <= chrono::TimeDelta::hours(49));
        }
    }
}
