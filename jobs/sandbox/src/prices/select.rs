//! Choosing bars: of a length, within a range, in a direction, no more than so many.

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};

use super::{Bar, Prices, Tick, Timeframe, listing::find};
use crate::hours;

/// The order of bars by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// Which of many bars or trades are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The earliest time; of a bar, its start.
    pub from: DateTime<Utc>,
    /// The latest time, included.
    pub to: DateTime<Utc>,
    /// Their order, which also says which ones a limit leaves out.
    pub direction: Direction,
    /// The most of them.
    pub limit: usize,
}

impl Prices {
    /// Returns the bars of `symbol` that `wanted` describes, as known at `now`.
    ///
    /// A minute counts once it has ended; a longer bar is made of the minutes that have.
    pub fn bars(&self, symbol: &str, timeframe: Timeframe, wanted: &Span, now: DateTime<Utc>) -> Vec<Bar> {
        let Some(stock) = find(symbol) else { return Vec::new() };
        match timeframe {
            Timeframe::Minutes(minutes) => self.within_days(stock, minutes, wanted, now),
            Timeframe::Day | Timeframe::Week | Timeframe::Months(_) => {
                self.of_days(stock, timeframe, wanted, now)
            }
        }
    }

    /// Returns the trades of `symbol` that `wanted` describes, with their quotes, as known at
    /// `now`.
    pub fn ticks(&self, symbol: &str, wanted: &Span, now: DateTime<Utc>) -> Vec<Tick> {
        let Some(stock) = find(symbol) else { return Vec::new() };
        let last = wanted.to.min(now);
        let mut found = Vec::new();
        for date in self.dates(stock, date_of(wanted.from), date_of(last), wanted.direction) {
            let Some(day) = hours::session(date).and_then(|session| self.day(stock, session)) else {
                continue;
            };
            let mut steps: Vec<_> = (0..=day.step_at(last)).collect();
            if wanted.direction == Direction::Descending {
                steps.reverse();
            }
            let ticks = steps.into_iter().map(|step| self.tick_of(stock, &day, step));
            let known = ticks.filter(|tick| (wanted.from..=last).contains(&tick.at));
            found.extend(known.take(wanted.limit - found.len()));
            if found.len() >= wanted.limit {
                break;
            }
        }
        found
    }

    fn within_days(&self, stock: usize, minutes: u32, wanted: &Span, now: DateTime<Utc>) -> Vec<Bar> {
        let (first, last) = (date_of(wanted.from), date_of(wanted.to.min(now)));
        let mut found = Vec::new();
        for date in self.dates(stock, first, last, wanted.direction) {
            let Some(day) = hours::session(date).and_then(|session| self.day(stock, session)) else {
                continue;
            };
            let mut bars = grouped(day.minutes(now), |bar| {
                let past = hours::new_york(bar.start).num_seconds_from_midnight() / 60 % minutes;
                bar.start - TimeDelta::minutes(past.into())
            });
            bars.retain(|bar| (wanted.from..=wanted.to).contains(&bar.start));
            if wanted.direction == Direction::Descending {
                bars.reverse();
            }
            found.extend(bars);
            if found.len() >= wanted.limit {
                break;
            }
        }
        found.truncate(wanted.limit);
        found
    }

    fn of_days(&self, stock: usize, timeframe: Timeframe, wanted: &Span, now: DateTime<Utc>) -> Vec<Bar> {
        let today = date_of(now);
        // The first date that begins within the range, and the last one.
        let first = date_of(wanted.from - TimeDelta::nanoseconds(1)) + TimeDelta::days(1);
        let last = date_of(wanted.to);
        let mut found: Vec<Bar> = Vec::new();
        let mut begun: Option<NaiveDate> = None;
        // A whole bar may begin before its first session, and end after the range does.
        for date in self.dates(stock, first, today, Direction::Ascending) {
            let start = timeframe.first_date(date);
            if start < first {
                continue;
            }
            if start > last {
                break;
            }
            let Some(daily) = hours::session(date).and_then(|session| self.daily_of(stock, session, now))
            else {
                continue;
            };
            match found.last_mut() {
                Some(bar) if begun == Some(start) => bar.add(&daily),
                _ => {
                    if wanted.direction == Direction::Ascending && found.len() == wanted.limit {
                        break;
                    }
                    found.push(Bar { start: hours::midnight(start), ..daily });
                    begun = Some(start);
                }
            }
        }
        if wanted.direction == Direction::Descending {
            found.reverse();
        }
        found.truncate(wanted.limit);
        found
    }

    /// Returns the dates with bars from `first` to `last`, both included.
    fn dates(&self, stock: usize, first: NaiveDate, last: NaiveDate, direction: Direction) -> Vec<NaiveDate> {
        let bars = self.histories[stock].through(last);
        let from = bars.partition_point(|bar| bar.date < first);
        let to = bars.partition_point(|bar| bar.date <= last).max(from);
        let mut dates: Vec<_> = bars[from..to].iter().map(|bar| bar.date).collect();
        if direction == Direction::Descending {
            dates.reverse();
        }
        dates
    }
}

fn grouped(bars: impl Iterator<Item = Bar>, start: impl Fn(&Bar) -> DateTime<Utc>) -> Vec<Bar> {
    let mut groups: Vec<Bar> = Vec::new();
    for bar in bars {
        let start = start(&bar);
        match groups.last_mut() {
            Some(group) if group.start == start => group.add(&bar),
            _ => groups.push(Bar { start, ..bar }),
        }
    }
    groups
}

fn date_of(at: DateTime<Utc>) -> NaiveDate {
    hours::new_york(at).date_naive()
}
