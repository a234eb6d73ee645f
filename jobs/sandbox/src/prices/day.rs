//! The path of a price through one session, made to fit the session's daily bar.
//!
//! It begins at the open, ends at the close, touches the high and the low in an order that the
//! seed decides, and never leaves them: what lies between is a random bridge. The bars of
//! minutes are the path's own, so they add up to the daily bar. Nothing here was recorded.

use chrono::{DateTime, TimeDelta, Utc};

use super::{bar::Bar, history::Daily, noise::Noise, pips::Pips};
use crate::hours::Session;

/// Seconds for which a price stands.
pub(super) const STEP_SECONDS: i64 = 10;
const STEPS_A_MINUTE: usize = 6;
/// Deviation of a step, as a fraction of the day's range.
const RESTLESSNESS: f64 = 0.012;
/// Shares of an average trade.
const SHARES_A_TRADE: u64 = 150;

/// One session's path.
#[derive(Debug)]
pub(super) struct Day {
    session: Session,
    points: Vec<Pips>,
    /// Shares traded before each minute, and in all.
    volume: Vec<u64>,
    /// Trades before each minute, and in all.
    trades: Vec<u64>,
}

impl Day {
    /// Returns the path through `daily`'s session.
    pub(super) fn new(session: Session, daily: &Daily, noise: &mut Noise) -> Self {
        let minutes = session.minutes();
        let points = path(minutes * STEPS_A_MINUTE, daily, noise);
        let shares = shares(minutes, noise);
        let split = |total: u64| shares.iter().map(|share| portion(total, *share)).collect();
        Self { session, points, volume: split(daily.volume), trades: split(trades(daily.volume)) }
    }

    /// Returns the number of the step that stands at `at`: 0 before the session's second, the
    /// last after its end.
    pub(super) fn step_at(&self, at: DateTime<Utc>) -> usize {
        let passed = (at - self.session.open).num_seconds() / STEP_SECONDS;
        usize::try_from(passed).unwrap_or(0).min(self.points.len() - 1)
    }

    /// Returns the price from step `step` on.
    pub(super) fn price(&self, step: usize) -> Pips {
        self.points[step]
    }

    /// Returns when step `step` begins.
    pub(super) fn time(&self, step: usize) -> DateTime<Utc> {
        self.session.open
            + TimeDelta::seconds(STEP_SECONDS) * i32::try_from(step).expect("a day has few steps")
    }

    /// Returns the bars of the minutes that have ended at `now`, oldest first.
    pub(super) fn minutes(&self, now: DateTime<Utc>) -> impl Iterator<Item = Bar> {
        let ended = usize::try_from((now - self.session.open).num_minutes()).unwrap_or(0);
        (0..ended.min(self.session.minutes())).map(|minute| self.minute(minute))
    }

    fn minute(&self, minute: usize) -> Bar {
        let points = &self.points[minute * STEPS_A_MINUTE..][..STEPS_A_MINUTE];
        let sum: i64 = points.iter().map(|price| price.0).sum();
        Bar {
            start: self.time(minute * STEPS_A_MINUTE),
            open: points[0],
            high: *points.iter().max().expect("a minute has steps"),
            low: *points.iter().min().expect("a minute has steps"),
            close: points[STEPS_A_MINUTE - 1],
            volume: self.volume[minute + 1] - self.volume[minute],
            trades: self.trades[minute + 1] - self.trades[minute],
            average: sum as f64 / STEPS_A_MINUTE as f64,
        }
    }
}

/// Returns how many trades make `volume` shares of a session.
pub(super) fn trades(volume: u64) -> u64 {
    (volume / SHARES_A_TRADE).max(1)
}

fn path(steps: usize, daily: &Daily, noise: &mut Noise) -> Vec<Pips> {
    let last = steps - 1;
    // Two inner places, far enough from the ends that every leg has steps.
    let (third, range) = ((steps / 3) as u64, (daily.high.0 - daily.low.0) as f64);
    let mut place =
        |from: usize| from + usize::try_from(noise.below(third)).expect("below a third of the steps");
    let (first, second) = (place(steps / 9), place(steps / 9 * 5));
    let rises_first = noise.below(2) == 0;
    let (one, other) = if rises_first { (daily.high, daily.low) } else { (daily.low, daily.high) };
    let mut points = Vec::with_capacity(steps);
    let (mut from, mut at) = (daily.open.0 as f64, 0);
    for (to, target) in [(first, one), (second, other), (last, daily.close)] {
        while at < to {
            points.push(clamped(from, daily));
            let left = (to - at) as f64;
            from += (target.0 as f64 - from) / left
                + RESTLESSNESS * range * noise.bell() * ((left - 1.0) / left).sqrt();
            from = from.clamp(daily.low.0 as f64, daily.high.0 as f64);
            at += 1;
        }
        from = target.0 as f64;
    }
    points.push(daily.close);
    // The first step is the open and the two inner ones are exact: `from` was just set to them.
    points
}

fn clamped(pips: f64, daily: &Daily) -> Pips {
    Pips::rounded(pips / 10_000.0).clamp(daily.low, daily.high)
}

/// Returns the fraction of a day that has passed before each minute, by volume: busy at both
/// ends, quiet at noon.
fn shares(minutes: usize, noise: &mut Noise) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums = vec![0.0];
    for minute in 0..minutes {
        let from_noon = 2.0 * minute as f64 / minutes as f64 - 1.0;
        sum += (0.5 + 1.5 * from_noon * from_noon) * (0.5 + noise.unit());
        sums.push(sum);
    }
    sums.iter().map(|part| part / sum).collect()
}

fn portion(total: u64, share: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 to 1")]
    let part = (total as f64 * share).floor() as u64;
    part.min(total)
}
