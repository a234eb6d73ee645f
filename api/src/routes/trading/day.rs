//! When the trading day of a figure begins.

use chrono::{DateTime, Utc};
use domain::market_hours;

/// Returns midnight in New York of the day at `now`, as an instant.
pub(in crate::routes) fn start(now: DateTime<Utc>) -> DateTime<Utc> {
    let local = market_hours::local(now);
    let elapsed = local.time().signed_duration_since(chrono::NaiveTime::MIN);
    // On the two days a year when clocks change, at night, an hour off: nothing trades then.
    now - elapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_at_midnight_in_new_york() {
        for (now, expected) in [
            ("2026-01-15T04:59:59Z", "2026-01-14T05:00:00Z"),
            ("2026-01-15T05:00:00Z", "2026-01-15T05:00:00Z"),
            ("2026-07-15T12:00:00Z", "2026-07-15T04:00:00Z"),
        ] {
            let time = |text: &str| text.parse::<DateTime<Utc>>().expect("a time of this test is valid");
            assert_eq!(start(time(now)), time(expected), "{now}");
        }
    }
}
