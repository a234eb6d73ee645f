//! Where a claim may begin to look: after the jobs that an earlier one saw taken.
//!
//! A drain leaves the entries of what it took at the front of the index, and every claim would walk
//! them again until a vacuum, which a held horizon stops altogether. So while a backlog lasts, claims
//! begin at the smallest key of the last one. What came in below it since - a retry, something more
//! urgent, another's job given back - is found by the whole looks in between.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use tokio::time::Instant;
use uuid::Uuid;

/// How often, at most and at least, a claim looks at all that waits; in between, so often that it
/// takes one part in [`SHARE`] of the time.
const WHOLE_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
const SHARE: u32 = 20;

/// A place in the order of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) priority: i16,
    pub(super) run_at: DateTime<Utc>,
    pub(super) job_id: Uuid,
}

impl Key {
    /// The place before every job.
    pub(super) fn start() -> Self {
        let run_at = NaiveDate::from_ymd_opt(1, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        Self {
            priority: i16::MIN,
            run_at: run_at.expect("a day of the calendar").and_utc(),
            job_id: Uuid::nil(),
        }
    }
}

/// The low-water mark of one queue's claims.
#[derive(Debug, Default)]
pub(super) struct LowMark {
    key: Option<Key>,
    whole_due: Option<Instant>,
}

impl LowMark {
    /// Returns where the next claim begins; [`Key::start`] when it is to look at everything.
    pub(super) fn next(&mut self, now: Instant) -> Key {
        let whole = self.whole_due.is_none_or(|due| now >= due);
        match self.key {
            Some(key) if !whole => key,
            _ => {
                self.whole_due = Some(now + WHOLE_EVERY.0);
                Key::start()
            }
        }
    }

    /// Notes how long a look at everything took, which began at `since`.
    pub(super) fn looked(&mut self, since: Instant, took: Duration) {
        self.whole_due = Some(since + (took * SHARE).clamp(WHOLE_EVERY.0, WHOLE_EVERY.1));
    }

    /// Notes the smallest key of a claim that got all it wanted.
    pub(super) fn raise(&mut self, lowest: Option<Key>) {
        self.key = lowest;
    }

    /// Forgets the mark: the next claim looks at everything. Returns whether there was one.
    pub(super) fn forget(&mut self) -> bool {
        self.key.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(priority: i16) -> Key {
        Key { priority, ..Key::start() }
    }

    #[test]
    fn a_claim_begins_at_the_mark_but_now_and_then_at_the_start() {
        let (mut mark, now) = (LowMark::default(), Instant::now());
        assert_eq!(mark.next(now), Key::start(), "nothing is known yet");
        mark.raise(Some(key(3)));
        assert_eq!(mark.next(now + WHOLE_EVERY.0 / 2), key(3));
        assert_eq!(mark.next(now + WHOLE_EVERY.0), Key::start(), "a whole look is due");
        assert_eq!(mark.next(now + WHOLE_EVERY.0), key(3), "and was had");
        assert!(mark.forget());
        assert_eq!(mark.next(now + WHOLE_EVERY.0), Key::start());
        assert!(!mark.forget());
    }

    #[test]
    fn long_looks_at_everything_are_rarer_but_never_given_up() {
        let now = Instant::now();
        for (took_ms, due_ms) in [(1, 100), (5, 100), (20, 400), (50, 1000), (5000, 1000)] {
            let mut mark = LowMark::default();
            mark.raise(Some(key(3)));
            mark.looked(now, Duration::from_millis(took_ms));
            let due = now + Duration::from_millis(due_ms);
            assert_eq!(mark.next(due - Duration::from_millis(1)), key(3), "{took_ms} ms");
            assert_eq!(mark.next(due), Key::start(), "{took_ms} ms");
        }
    }
}
