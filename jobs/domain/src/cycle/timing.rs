//! When cycles decide, and when they try again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::market_hours;

/// The shortest window in which a cycle decides once on a symbol.
pub const MIN_WINDOW: TimeDelta = TimeDelta::minutes(5);
/// A failed cycle is tried again after at most this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// Failures beyond this do not lengthen the wait.
const DOUBLINGS: u32 = 6;
/// Between sessions a last trade may be so old: a long weekend.
const BETWEEN_SESSIONS: TimeDelta = TimeDelta::hours(100);

/// Returns the start of the window that `now` lies in: windows are as long as the interval, at least
/// [`MIN_WINDOW`], and begin at multiples of that since 1970.
pub fn window_start(now: DateTime<Utc>, interval: Duration) -> DateTime<Utc> {
    let length =
        i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).clamp(MIN_WINDOW.num_seconds(), 86_400);
    let since = now.timestamp().rem_euclid(length);
    DateTime::from_timestamp(now.timestamp() - since, 0).unwrap_or(now)
}

/// Returns the start of the day (UTC) that `now` lies in: daily caps count from there.
pub fn day_start(now: DateTime<Utc>) -> DateTime<Utc> {
    now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

/// Returns how long after `failures` failed cycles in a row the next one is due.
pub fn backoff(interval: Duration, failures: u32) -> Duration {
    interval.saturating_mul(1 << failures.min(DOUBLINGS)).min(LONGEST_WAIT.max(interval))
}

/// Returns whether a price of `as_of` can be acted on at `now`, both by the market's clock: in the
/// regular session it is younger than `max_age`, between sessions it is the last one's.
pub fn quote_is_fresh(as_of: DateTime<Utc>, now: DateTime<Utc>, max_age: TimeDelta) -> bool {
    let age = now - as_of;
    if market_hours::is_open(now) { age <= max_age } else { age <= BETWEEN_SESSIONS }
}
