//! When US equities trade: the session at an instant, and the next open and close.
//!
//! Pre-market 04:00–09:30, regular 09:30–16:00, after hours 16:00–20:00, New York time, on the
//! days of [`crate::calendar`]; on early closes regular hours end at 13:00 and after hours at
//! 17:00. Source: NYSE, "Holidays & Trading Hours" (nyse.com/markets/hours-calendars), with the
//! early sessions of NYSE Arca as the brokers offer them. A start belongs to its session, an
//! end to the next. Announcements to come can't be known: what lies ahead is a forecast.

mod early_close;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::{America::New_York, Tz};
use serde::{Deserialize, Serialize};

use crate::calendar;

pub use early_close::is_early_close;

/// A part of the trading day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Session {
    /// Before the open: limit orders for extended hours trade.
    PreMarket,
    /// Everything trades.
    Regular,
    /// After the close: limit orders for extended hours trade.
    AfterHours,
    /// Nothing trades.
    Closed,
}

impl Session {
    /// Returns the word, the same as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreMarket => "pre_market",
            Self::Regular => "regular",
            Self::AfterHours => "after_hours",
            Self::Closed => "closed",
        }
    }

    /// Returns whether orders for extended hours trade, and no others.
    pub const fn is_extended(self) -> bool {
        matches!(self, Self::PreMarket | Self::AfterHours)
    }
}

/// The instants that divide a trading day, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradingHours {
    /// The day, New York date.
    pub day: NaiveDate,
    /// Start of the pre-market session.
    pub pre_market: DateTime<Utc>,
    /// The open.
    pub open: DateTime<Utc>,
    /// The close, early on some days.
    pub close: DateTime<Utc>,
    /// End of the after-hours session.
    pub end: DateTime<Utc>,
}

impl TradingHours {
    /// Returns the hours of `day`, `None` when the exchange does not trade.
    pub fn on(day: NaiveDate) -> Option<Self> {
        if !calendar::is_session(day) {
            return None;
        }
        let (close, end) = if is_early_close(day) { (13, 17) } else { (16, 20) };
        Some(Self {
            day,
            pre_market: instant(day, 4, 0),
            open: instant(day, 9, 30),
            close: instant(day, close, 0),
            end: instant(day, end, 0),
        })
    }

    /// Returns the session at `at`.
    pub fn session(&self, at: DateTime<Utc>) -> Session {
        if at < self.pre_market || at >= self.end {
            Session::Closed
        } else if at < self.open {
            Session::PreMarket
        } else if at < self.close {
            Session::Regular
        } else {
            Session::AfterHours
        }
    }
}

/// Returns the New York date at `at`.
pub fn local_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&New_York).date_naive()
}

/// Returns `at` in New York time, for the fields that speak it.
pub fn local(at: DateTime<Utc>) -> DateTime<Tz> {
    at.with_timezone(&New_York)
}

/// Returns the session at `at`.
pub fn session_at(at: DateTime<Utc>) -> Session {
    TradingHours::on(local_date(at)).map_or(Session::Closed, |hours| hours.session(at))
}

/// Returns whether regular hours are on at `at`.
pub fn is_open(at: DateTime<Utc>) -> bool {
    session_at(at) == Session::Regular
}

/// Returns the first open after `at`; an open at `at` itself is past.
pub fn next_open(at: DateTime<Utc>) -> DateTime<Utc> {
    first_after(at, |hours| hours.open).open
}

/// Returns the first close after `at`: today's while the market is open, which is then before
/// [`next_open`].
pub fn next_close(at: DateTime<Utc>) -> DateTime<Utc> {
    first_after(at, |hours| hours.close).close
}

/// Returns the trading day that `at` belongs to: the one whose after-hours session is not over.
///
/// The night before and the weekend belong to the day that follows.
pub fn trading_day(at: DateTime<Utc>) -> NaiveDate {
    first_after(at, |hours| hours.end).day
}

/// Returns when an order for the day ends that is placed at `at`.
///
/// That is the next close; for an order that trades in extended hours, the end of the
/// after-hours session of the [`trading_day`].
pub fn day_order_end(at: DateTime<Utc>, extended_hours: bool) -> DateTime<Utc> {
    if extended_hours { first_after(at, |hours| hours.end).end } else { next_close(at) }
}

/// Returns the first trading day whose `mark` lies after `at`.
fn first_after(at: DateTime<Utc>, mark: impl Fn(&TradingHours) -> DateTime<Utc>) -> TradingHours {
    let today = local_date(at);
    TradingHours::on(today)
        .filter(|hours| mark(hours) > at)
        .or_else(|| TradingHours::on(calendar::next_session(today)))
        .expect("the next session is a trading day")
}

fn instant(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
    let time = NaiveTime::from_hms_opt(hour, minute, 0).expect("an hour of the trading day is valid");
    New_York
        .from_local_datetime(&day.and_time(time))
        .single()
        .expect("clocks change at two on sunday mornings, when nothing trades")
        .to_utc()
}

#[cfg(test)]
mod tests;
