//! What a sandbox is started with.

use std::{net::SocketAddr, path::PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use domain::market_hours;

use crate::{exchange, faults::Rule, hours, replay::Pace};

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The key id clients must send.
    pub key: String,
    /// The secret clients must send.
    pub secret: String,
    /// Requests a minute, of the trading API and of market data apiece; 0 is no limit.
    pub rate_limit: u32,
    /// Decides the prices within a day, and which requests a fault meets.
    pub seed: u64,
    /// How fast time passes.
    pub clock: Pace,
    /// What the clock shows first. Without it: now, or the opening of 2024-03-04 when stepped,
    /// so that a test without a date is the same every day.
    pub start: Option<DateTime<Utc>>,
    /// Whether a clock that would first show a closed market shows the next opening instead.
    pub open_at_start: bool,
    /// Where the exchange keeps its state; without it, it forgets when it ends.
    pub journal: Option<PathBuf>,
    /// The exchange's rules; its seed is replaced by `seed`.
    pub exchange: exchange::Settings,
    /// Faults from the first request on.
    pub faults: Vec<Rule>,
}

/// The session at whose opening a stepped clock starts.
const STEPPED_START: NaiveDate = NaiveDate::from_ymd_opt(2024, 3, 4).expect("a calendar date");

impl Settings {
    /// Returns settings for clients that send `key` and `secret`: 200 requests a minute, real
    /// time, no journal, no faults.
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            secret: secret.into(),
            rate_limit: 200,
            seed: 1,
            clock: Pace::Real,
            start: None,
            open_at_start: false,
            journal: None,
            exchange: exchange::Settings::default(),
            faults: Vec::new(),
        }
    }

    /// Returns what the clock shows first, when it is `now` in the world and the exchange's state
    /// goes back to `latest`: never earlier than that.
    pub fn starts_at(&self, now: DateTime<Utc>, latest: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let start = self.start.unwrap_or_else(|| match self.clock {
            Pace::Stepped => opening(STEPPED_START),
            Pace::Real | Pace::Times(_) => now,
        });
        let start = latest.map_or(start, |latest| latest.max(start));
        if self.open_at_start && !market_hours::is_open(start) { hours::next_open(start) } else { start }
    }
}

/// Returns when the session of `date` opens, or the first one after it.
pub fn opening(date: NaiveDate) -> DateTime<Utc> {
    hours::session(date).unwrap_or_else(|| hours::next_session(date)).open
}

/// Returns whether only this machine can reach `address`.
///
/// The routes under `/sandbox/` ask for no key, so a sandbox listens elsewhere only when told
/// to in so many words.
pub fn is_private(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_no_earlier_than_the_journal_and_in_an_open_market_when_asked() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        let asleep = at("2024-03-04T08:00:00Z");
        let evening = at("2024-03-04T22:00:00Z");
        let noon = at("2024-03-05T17:00:00Z");
        let plain = Settings::new("k", "s");
        let open = Settings { open_at_start: true, ..plain.clone() };
        assert_eq!(plain.starts_at(asleep, None), asleep);
        assert_eq!(plain.starts_at(asleep, Some(evening)), evening);
        assert_eq!(open.starts_at(asleep, None), at("2024-03-04T14:30:00Z"));
        assert_eq!(open.starts_at(asleep, Some(evening)), at("2024-03-05T14:30:00Z"));
        assert_eq!(open.starts_at(asleep, Some(noon)), noon);
    }
}
