//! The replay clock: what time it is in the sandbox.
//!
//! Time runs at the pace of the world, a multiple of it, or only when it is told to. It never
//! runs backwards. Rate limits and time-outs are not its business: those are the world's.

mod market;
mod pace;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tokio::sync::watch;

pub use market::Replay;
pub use pace::{Pace, PaceError};

/// The furthest a clock is moved in one step.
pub const LONGEST_STEP: TimeDelta = TimeDelta::days(400);

/// Why a clock was not moved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClockError {
    /// The instant lies before the clock's.
    #[error("can't turn the clock back from {now} to {to}")]
    Backwards {
        /// What the clock shows.
        now: DateTime<Utc>,
        /// What it should have shown.
        to: DateTime<Utc>,
    },
    /// The step is longer than [`LONGEST_STEP`].
    #[error("can't move the clock from {now} to {to}: a step is at most {} days", LONGEST_STEP.num_days())]
    TooFar {
        /// What the clock shows.
        now: DateTime<Utc>,
        /// What it should have shown.
        to: DateTime<Utc>,
    },
}

/// A shared clock; clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pace: Pace,
    anchor: Mutex<Anchor>,
    moved: watch::Sender<DateTime<Utc>>,
}

/// An instant of the replay, and when in the world it was.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    shown: DateTime<Utc>,
    world: Instant,
}

impl Clock {
    /// Returns a clock that shows `start` now and goes on at `pace`.
    pub fn new(pace: Pace, start: DateTime<Utc>) -> Self {
        let anchor = Mutex::new(Anchor { shown: start, world: Instant::now() });
        Self { inner: Arc::new(Inner { pace, anchor, moved: watch::Sender::new(start) }) }
    }

    /// Returns the pace.
    pub fn pace(&self) -> Pace {
        self.inner.pace
    }

    /// Returns the time in the sandbox.
    pub fn now(&self) -> DateTime<Utc> {
        self.show(*self.anchor())
    }

    /// Moves the clock to `to`, and wakes whoever watches it.
    pub fn set(&self, to: DateTime<Utc>) -> Result<(), ClockError> {
        let mut anchor = self.anchor();
        checked(self.show(*anchor), to)?;
        *anchor = Anchor { shown: to, world: Instant::now() };
        drop(anchor);
        self.inner.moved.send_replace(to);
        Ok(())
    }

    /// Refuses what [`Clock::set`] would refuse now.
    pub fn check(&self, to: DateTime<Utc>) -> Result<(), ClockError> {
        checked(self.now(), to)
    }

    /// Returns a watch of the moves made by [`Clock::set`]; the passing of time is not one.
    pub fn moves(&self) -> watch::Receiver<DateTime<Utc>> {
        self.inner.moved.subscribe()
    }

    fn show(&self, anchor: Anchor) -> DateTime<Utc> {
        anchor.shown + self.inner.pace.passed(anchor.world.elapsed())
    }

    fn anchor(&self) -> MutexGuard<'_, Anchor> {
        // Nothing that holds the lock can leave the anchor half written.
        self.inner.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn checked(now: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), ClockError> {
    if to < now {
        return Err(ClockError::Backwards { now, to });
    }
    if to - now > LONGEST_STEP {
        return Err(ClockError::TooFar { now, to });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        "2024-03-04T14:30:00Z".parse().expect("a valid instant")
    }

    #[test]
    fn a_stepped_clock_stands_still_until_it_is_moved() {
        let clock = Clock::new(Pace::Stepped, start());
        assert_eq!(clock.now(), start());
        let moves = clock.moves();
        let later = start() + TimeDelta::minutes(5);
        clock.set(later).expect("forwards");
        assert_eq!(clock.now(), later);
        assert_eq!(*moves.borrow(), later);
    }

    #[test]
    fn no_clock_runs_backwards_or_leaps_for_years() {
        let clock = Clock::new(Pace::Stepped, start());
        assert!(matches!(clock.set(start() - TimeDelta::seconds(1)), Err(ClockError::Backwards { .. })));
        assert!(matches!(clock.set(start() + TimeDelta::days(401)), Err(ClockError::TooFar { .. })));
        assert_eq!(clock.now(), start());
    }

    #[test]
    fn a_running_clock_can_be_moved_too() {
        let clock = Clock::new(Pace::Real, start());
        clock.set(start() + TimeDelta::days(1)).expect("forwards");
        assert!(clock.now() >= start() + TimeDelta::days(1));
    }
}
