//! Prices at any instant: the daily bars that ship with the project, and a path within each.
//!
//! Everything follows from the bars and the seed; nothing is remembered but what can be made
//! again. No answer tells of a time after the instant it was asked for.

mod bar;
mod day;
mod history;
mod listing;
mod noise;
mod pips;
mod select;
mod timeframe;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

pub use bar::Bar;
pub use history::{Daily, FileError};
pub use listing::{LISTINGS, Listing, find};
pub use pips::Pips;
pub use select::{Direction, Span};
pub use timeframe::{Timeframe, TimeframeError};

pub(crate) use noise::Noise;

use crate::hours::{self, Session};
use day::Day;
use history::History;

/// Paths kept; a year of all stocks fits.
const KEPT: usize = 1_500;

/// The last trade and the quote around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// When the trade was made.
    pub at: DateTime<Utc>,
    /// Its price.
    pub price: Pips,
    /// Its shares.
    pub size: u64,
    /// Its number; grows with time.
    pub id: u64,
    /// What a buyer bids; at most the price.
    pub bid: Pips,
    /// What a seller asks; at least the price, and a tick above the bid at least.
    pub ask: Pips,
    /// Round lots bid for.
    pub bid_lots: u64,
    /// Round lots asked for.
    pub ask_lots: u64,
}

/// Prices of every listed stock at any instant.
#[derive(Debug)]
pub struct Prices {
    seed: u64,
    histories: Vec<History>,
    days: Mutex<HashMap<(usize, NaiveDate), Arc<Day>>>,
}

impl Prices {
    /// Reads the shipped bars; `seed` decides the paths within the days.
    pub fn shipped(seed: u64) -> Result<Self, FileError> {
        let histories = LISTINGS.iter().map(History::of).collect::<Result<_, _>>()?;
        Ok(Self { seed, histories, days: Mutex::default() })
    }

    /// Returns the last trade of `symbol` at `at` and the quote of that time, or `None` for an
    /// unknown symbol and before its first session. Outside of trading it is the last close.
    pub fn tick(&self, symbol: &str, at: DateTime<Utc>) -> Option<Tick> {
        let stock = find(symbol)?;
        let session = hours::last_opened(at);
        let day = self.day(stock, session)?;
        let tick = self.tick_of(stock, &day, day.step_at(at));
        // A trade within the second that is asked for may not have been made yet.
        Some(Tick { at: tick.at.min(at), ..tick })
    }

    fn tick_of(&self, stock: usize, day: &Day, step: usize) -> Tick {
        let (time, price) = (day.time(step), day.price(step));
        let id = u64::try_from(time.timestamp() / day::STEP_SECONDS).unwrap_or(0);
        let mut noise = noise_at(self.seed, stock, id);
        let tick = price.tick().0;
        let spread = (price.0 / 5_000 / tick).max(1) + i64::from(noise.below(3) == 0);
        let spread_steps = u64::try_from(spread + 1).expect("a spread is positive");
        let below = i64::try_from(noise.below(spread_steps)).expect("a spread is small");
        let bid = Pips((price.0 - below * tick).max(tick));
        Tick {
            at: time + TimeDelta::milliseconds(i64::try_from(noise.below(900)).unwrap_or(0)),
            price,
            size: 1 + noise.below(400),
            id,
            bid,
            ask: Pips((bid.0 + spread * tick).max(price.0)),
            bid_lots: 1 + noise.below(20),
            ask_lots: 1 + noise.below(20),
        }
    }

    /// Returns the close of the last session that ended before the New York day of `at`.
    pub fn previous_close(&self, symbol: &str, at: DateTime<Utc>) -> Option<Pips> {
        let today = hours::new_york(at).date_naive();
        self.histories[find(symbol)?].before(today).map(|daily| daily.close)
    }

    /// Returns the bar of the last minute that has ended at `at`.
    pub fn last_minute(&self, symbol: &str, at: DateTime<Utc>) -> Option<Bar> {
        let stock = find(symbol)?;
        let session = hours::last_opened(at);
        let of = |session: Session| self.day(stock, session)?.minutes(at).last();
        of(session).or_else(|| of(hours::last_opened(session.open - TimeDelta::seconds(1))))
    }

    /// Returns the bar of the session of `date` as far as it has gone at `now`.
    pub fn daily(&self, symbol: &str, date: NaiveDate, now: DateTime<Utc>) -> Option<Bar> {
        self.daily_of(find(symbol)?, hours::session(date)?, now)
    }

    fn daily_of(&self, stock: usize, session: Session, now: DateTime<Utc>) -> Option<Bar> {
        let start = hours::midnight(session.date);
        if now < session.close {
            return bar::joined(start, self.day(stock, session)?.minutes(now));
        }
        self.histories[stock].on(session.date).map(|daily| whole(start, &daily))
    }

    fn day(&self, stock: usize, session: Session) -> Option<Arc<Day>> {
        let key = (stock, session.date);
        let days = || self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(day) = days().get(&key) {
            return Some(Arc::clone(day));
        }
        let daily = self.histories[stock].on(session.date)?;
        let words = [LISTINGS[stock].symbol, &session.date.to_string()];
        let day = Arc::new(Day::new(session, &daily, &mut Noise::of(self.seed, &words)));
        let mut days = days();
        if days.len() >= KEPT {
            days.clear();
        }
        days.insert(key, Arc::clone(&day));
        Some(day)
    }
}

fn whole(start: DateTime<Utc>, daily: &Daily) -> Bar {
    let sum = daily.open.0 + daily.high.0 + daily.low.0 + daily.close.0;
    Bar {
        start,
        open: daily.open,
        high: daily.high,
        low: daily.low,
        close: daily.close,
        volume: daily.volume,
        trades: day::trades(daily.volume),
        average: sum as f64 / 4.0,
    }
}

fn noise_at(seed: u64, stock: usize, id: u64) -> Noise {
    Noise::from_number(noise::scramble(seed ^ noise::scramble(id ^ ((stock as u64) << 56))))
}
