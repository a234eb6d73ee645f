//! The sessions of regular trading, as the replay needs them.
//!
//! A view of [`domain::market_hours`], which knows the rules: it adds walking from one session
//! to its neighbours.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::{America::New_York, Tz};
use domain::{calendar, market_hours::TradingHours};

pub use domain::market_hours::{next_close, next_open};

/// One session of regular trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The New York date.
    pub date: NaiveDate,
    /// The first instant of trading.
    pub open: DateTime<Utc>,
    /// The first instant after it.
    pub close: DateTime<Utc>,
}

impl Session {
    /// Returns whether `at` lies in the session.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.open <= at && at < self.close
    }

    /// Returns the session's length in whole minutes.
    pub fn minutes(&self) -> usize {
        usize::try_from((self.close - self.open).num_minutes()).expect("a session closes after it opens")
    }
}

/// Returns `at` as New York's clocks show it.
pub fn new_york(at: DateTime<Utc>) -> DateTime<Tz> {
    at.with_timezone(&New_York)
}

/// Returns midnight in New York at the beginning of `date`.
pub fn midnight(date: NaiveDate) -> DateTime<Utc> {
    New_York
        .from_local_datetime(&date.and_time(NaiveTime::MIN))
        .earliest()
        .expect("New York changes no clock at midnight")
        .with_timezone(&Utc)
}

/// Returns the session of `date`, or `None` when the market stays closed.
pub fn session(date: NaiveDate) -> Option<Session> {
    TradingHours::on(date).map(|hours| Session { date, open: hours.open, close: hours.close })
}

/// Returns the first session after `date`.
pub fn next_session(date: NaiveDate) -> Session {
    session(calendar::next_session(date)).expect("the calendar names sessions")
}

/// Returns the session that is on at `at`.
pub fn session_at(at: DateTime<Utc>) -> Option<Session> {
    session(new_york(at).date_naive()).filter(|session| session.contains(at))
}

/// Returns the last session that has opened at `at`, whether or not it has closed.
pub fn last_opened(at: DateTime<Utc>) -> Session {
    let today = new_york(at).date_naive();
    let opened = |date| session(date).filter(|session| session.open <= at);
    opened(today).unwrap_or_else(|| {
        let before = calendar::session_on_or_before(today - Days::new(1));
        session(before).expect("the calendar names sessions")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_session_opened_is_today_or_before() {
        let date = |text: &str| last_opened(text.parse().expect("a valid instant")).date.to_string();
        assert_eq!(date("2024-03-04T14:30:00Z"), "2024-03-04");
        assert_eq!(date("2024-03-04T14:29:59Z"), "2024-03-01");
        assert_eq!(date("2024-03-10T12:00:00Z"), "2024-03-08");
    }
}
