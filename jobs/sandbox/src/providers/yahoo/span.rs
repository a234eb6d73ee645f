//! Which bars a chart shows: how long, and from when to when.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};

use crate::{
    hours,
    prices::{Bar, Direction, Prices, Span, Timeframe},
};

/// The length of a chart's bars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval {
    name: &'static str,
    timeframe: Timeframe,
    /// How many bars of that length make one, counted from the opening.
    joined: i64,
    /// How far back they go, in days.
    days: Option<i64>,
}

const INTERVALS: [Interval; 12] = [
    Interval::minutes("1m", 1, 1, 30),
    Interval::minutes("2m", 2, 1, 60),
    Interval::minutes("5m", 5, 1, 60),
    Interval::minutes("15m", 15, 1, 60),
    Interval::minutes("30m", 30, 1, 60),
    Interval::minutes("60m", 30, 2, 730),
    Interval::minutes("90m", 30, 3, 60),
    Interval::minutes("1h", 30, 2, 730),
    Interval { name: "1d", timeframe: Timeframe::Day, joined: 1, days: None },
    Interval { name: "1wk", timeframe: Timeframe::Week, joined: 1, days: None },
    Interval { name: "1mo", timeframe: Timeframe::Months(1), joined: 1, days: None },
    Interval { name: "3mo", timeframe: Timeframe::Months(3), joined: 1, days: None },
];

impl Interval {
    const fn minutes(name: &'static str, minutes: u32, joined: i64, days: i64) -> Self {
        Self { name, timeframe: Timeframe::Minutes(minutes), joined, days: Some(days) }
    }

    /// Returns the interval of a name.
    pub(super) fn read(name: &str) -> Option<Self> {
        INTERVALS.into_iter().find(|interval| interval.name == name)
    }

    /// Returns its name.
    pub(super) fn name(self) -> &'static str {
        self.name
    }

    /// Refuses a span that lies too far back for the interval, or is too long.
    pub(super) fn check(
        self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        let Some(days) = self.days else { return Ok(()) };
        let name = self.name;
        // A day more, as a range of so many days begins at a midnight.
        if now - from > TimeDelta::days(days + 1) {
            return Err(format!("{name} data not available: the range must be within the last {days} days."));
        }
        if name == "1m" && to - from > TimeDelta::days(8) {
            return Err("Only 7 days worth of 1m granularity data are allowed per request.".to_owned());
        }
        Ok(())
    }

    /// Returns the bars that begin from `from` to before `to`, as known at `now`, oldest first.
    pub(super) fn bars(
        self,
        prices: &Prices,
        symbol: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<Bar> {
        let (direction, limit) = (Direction::Ascending, usize::MAX);
        // A day counts by its opening, and is kept under its midnight.
        let of_days = !matches!(self.timeframe, Timeframe::Minutes(_));
        let begin = if of_days { hours::midnight(hours::new_york(from).date_naive()) } else { from };
        let span = Span { from: begin, to: to - TimeDelta::milliseconds(1), direction, limit };
        let mut bars: Vec<Bar> = Vec::new();
        for bar in prices.bars(symbol, self.timeframe, &span, now) {
            let group = self.group(&bar);
            match bars.last_mut() {
                Some(last) if self.joined > 1 && self.group(last) == group => last.add(&bar),
                _ => bars.push(bar),
            }
        }
        bars.retain(|bar| {
            (from..to).contains(&self.time(bar.start, DateTime::<Utc>::MAX_UTC)) || self.is_longer()
        });
        bars
    }

    /// Returns the time under which the bar of `start` is told, when the last trade was at `last`.
    pub(super) fn time(self, start: DateTime<Utc>, last: DateTime<Utc>) -> DateTime<Utc> {
        if self.timeframe != Timeframe::Day {
            return start;
        }
        let Some(session) = hours::session(hours::new_york(start).date_naive()) else { return start };
        if session.contains(last) && last + TimeDelta::seconds(10) < session.close {
            last
        } else {
            session.open
        }
    }

    fn is_longer(self) -> bool {
        matches!(self.timeframe, Timeframe::Week | Timeframe::Months(_))
    }

    fn group(self, bar: &Bar) -> (NaiveDate, i64) {
        let date = hours::new_york(bar.start).date_naive();
        let open = hours::session(date).map_or(bar.start, |session| session.open);
        (date, (bar.start - open).num_minutes() / 30 / self.joined)
    }
}

/// Returns the span of `period1` and `period2`, or of `range`, a day without either; the end is
/// excluded.
pub(super) fn of(
    query: &HashMap<String, String>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), String> {
    let instant = |name: &str| {
        let Some(text) = query.get(name) else { return Ok(None) };
        let read = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let known = read.filter(|at| (1900..2200).contains(&at.year()));
        known.map(Some).ok_or_else(|| format!("Invalid input - {name}={text}"))
    };
    let end = now + TimeDelta::seconds(1);
    if let Some(from) = instant("period1")? {
        let to = instant("period2")?.unwrap_or(end);
        if from >= to {
            return Err(format!(
                "Invalid input - start date cannot be after end date. startDate = {}, endDate = {}",
                from.timestamp(),
                to.timestamp()
            ));
        }
        return Ok((from, to));
    }
    let range = query.get("range").map_or("1d", String::as_str);
    let session = hours::last_opened(now);
    let months = |months| session.date.checked_sub_months(Months::new(months));
    let from = match range {
        "1d" => Some(session.date),
        "5d" => {
            let back = |date: NaiveDate, _| hours::last_opened(hours::midnight(date)).date;
            Some((0..4).fold(session.date, back))
        }
        "1mo" => months(1),
        "3mo" => months(3),
        "6mo" => months(6),
        "1y" => months(12),
        "2y" => months(24),
        "5y" => months(60),
        "10y" => months(120),
        "ytd" => session.date.with_ordinal(1),
        "max" => NaiveDate::from_ymd_opt(1990, 1, 1),
        _ => None,
    };
    let from = from.ok_or_else(|| format!("Invalid input - range={range}"))?;
    Ok((hours::midnight(from), end))
}
