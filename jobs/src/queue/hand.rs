//! How many claimed jobs a queue of this process may have in hand: its slots, and a margin
//! that follows how long its handlers take.
//!
//! Handlers of microseconds would wait for the next claim's round trip; handlers of seconds
//! must not hoard what another process could run. So the margin is what the slots get through
//! in [`AHEAD`], at most two claims, and nothing while handlers take longer than that.
//!
//! Room is reserved before a claim is sent, so that a second one may be under way meanwhile.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How far ahead of the handlers a claim may run.
const AHEAD: Duration = Duration::from_millis(30);

/// The jobs in hand of one queue.
#[derive(Debug)]
pub(super) struct Hand {
    slots: Arc<Semaphore>,
    size: AtomicUsize,
    /// Slots taken away while they were in use: they vanish when they come free.
    owed: Mutex<usize>,
    most: usize,
    held: AtomicUsize,
    /// Smoothed handler time, in nanoseconds.
    handler_ns: AtomicU64,
    freed: Notify,
}

impl Hand {
    pub(super) fn new(slots: usize, claim_batch: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            size: AtomicUsize::new(slots),
            owed: Mutex::new(0),
            most: claim_batch,
            held: AtomicUsize::new(0),
            // Until a handler has been seen, there is no margin.
            handler_ns: AtomicU64::new(u64::MAX),
            freed: Notify::new(),
        }
    }

    /// Returns how many jobs beyond the slots may be claimed ahead.
    fn margin(&self) -> usize {
        let each = self.handler_ns.load(Ordering::Relaxed).max(1);
        let ahead = u64::try_from(AHEAD.as_nanos()).unwrap_or(u64::MAX);
        let runs = usize::try_from(ahead / each).unwrap_or(usize::MAX);
        runs.saturating_mul(self.size()).min(2 * self.most)
    }

    /// Reserves room for as many jobs as are worth claiming now, and returns how many; 0 while too
    /// few have ended for a claim to pay.
    pub(super) fn reserve(&self) -> usize {
        let margin = self.margin();
        let reserve = |held: usize| {
            let room = (self.size() + margin).saturating_sub(held);
            (room * 2 > margin.min(self.most)).then(|| room.min(self.most))
        };
        let mut held = self.held.load(Ordering::Relaxed);
        while let Some(wanted) = reserve(held) {
            match self.held.compare_exchange_weak(held, held + wanted, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return wanted,
                Err(now) => held = now,
            }
        }
        0
    }

    /// Gives back room that a claim did not fill.
    pub(super) fn unreserve(&self, jobs: usize) {
        self.held.fetch_sub(jobs, Ordering::Relaxed);
    }

    /// Waits until something has ended.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Notes how long a handler took.
    pub(super) fn ran(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let before = self.handler_ns.load(Ordering::Relaxed);
        // One slow handler counts at once, fast ones by and by: hoarding is the worse error.
        let after = if took >= before || before == u64::MAX { took } else { before - (before - took) / 4 };
        self.handler_ns.store(after, Ordering::Relaxed);
    }

    /// Notes that a claimed job is no longer in hand: its outcome is on its way to the database.
    pub(super) fn put_down(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
        self.freed.notify_one();
    }

    fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Waits for a slot to run in.
    pub(super) async fn slot(self: &Arc<Self>) -> Slot {
        let permit = self.slots.clone().acquire_owned().await.expect("the slots are never closed");
        Slot { permit: Some(permit), hand: self.clone() }
    }

    /// Changes the number of slots; returns whether that was a change. Running jobs keep theirs.
    pub(super) fn resize(&self, slots: usize) -> bool {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.size.swap(slots, Ordering::Relaxed);
        if slots > before {
            let forgiven = (*owed).min(slots - before);
            *owed -= forgiven;
            self.slots.add_permits(slots - before - forgiven);
        } else {
            let gone = self.slots.forget_permits(before - slots);
            *owed += before - slots - gone;
        }
        self.freed.notify_one();
        slots != before
    }
}

/// A slot in use.
#[derive(Debug)]
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    hand: Arc<Hand>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut owed = self.hand.owed.lock().unwrap_or_else(PoisonError::into_inner);
        if *owed > 0
            && let Some(permit) = self.permit.take()
        {
            *owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand_after(took: Duration) -> Hand {
        let hand = Hand::new(1, 100);
        assert_eq!(hand.reserve(), 1);
        hand.ran(took);
        hand.put_down();
        hand.resize(10);
        hand
    }

    #[test]
    fn nothing_is_claimed_ahead_until_a_handler_has_been_seen() {
        assert_eq!(Hand::new(10, 100).reserve(), 10);
    }

    #[test]
    fn the_margin_follows_the_handlers() {
        let cases = [(1, 100), (1_000, 100), (10_000, 40), (29_000, 20), (31_000, 10), (5_000_000, 10)];
        for (micros, wanted) in cases {
            assert_eq!(hand_after(Duration::from_micros(micros)).reserve(), wanted, "{micros} us");
        }
    }

    #[test]
    fn two_claims_may_be_under_way_and_a_third_waits_until_it_pays() {
        let hand = hand_after(Duration::from_micros(1));
        assert_eq!([hand.reserve(), hand.reserve(), hand.reserve()], [100, 100, 0], "210 in all");
        for _ in 0..41 {
            hand.put_down();
        }
        assert_eq!(hand.reserve(), 51);
    }

    #[test]
    fn room_that_a_claim_did_not_fill_is_free_again() {
        let hand = Hand::new(10, 100);
        assert_eq!([hand.reserve(), hand.reserve()], [10, 0]);
        hand.unreserve(4);
        assert_eq!([hand.reserve(), hand.reserve()], [4, 0]);
    }

    #[tokio::test]
    async fn a_slot_taken_away_in_use_vanishes_when_it_comes_free() {
        let hand = Arc::new(Hand::new(2, 100));
        let (one, two) = (hand.slot().await, hand.slot().await);
        assert!(hand.resize(1) && !hand.resize(1));
        drop(one);
        assert_eq!(hand.slots.available_permits(), 0, "the one that was owed");
        drop(two);
        assert_eq!(hand.slots.available_permits(), 1);
        hand.resize(5);
        assert_eq!(hand.slots.available_permits(), 5);
    }

    #[test]
    fn one_slow_handler_ends_the_hoarding() {
        let hand = hand_after(Duration::from_micros(1));
        assert_eq!(hand.reserve(), 100);
        for _ in 0..100 {
            hand.ran(Duration::from_secs(2));
            hand.put_down();
        }
        assert_eq!(hand.reserve(), 10);
    }
}
