//! What the queue counts in a process.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the process started.
#[derive(Debug, Default)]
pub struct Counters {
    claimed: AtomicU64,
    finished: AtomicU64,
    fenced_writes: AtomicU64,
    lost_leases: AtomicU64,
    rescued: AtomicU64,
}

impl Counters {
    /// Returns the attempts claimed.
    pub fn claimed_total(&self) -> u64 {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Returns the attempts whose outcome was committed.
    pub fn finished_total(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    /// Returns the writes refused because their attempt was stale.
    pub fn fenced_writes_total(&self) -> u64 {
        self.fenced_writes.load(Ordering::Relaxed)
    }

    /// Returns the attempts interrupted because their lease was gone.
    pub fn lost_leases_total(&self) -> u64 {
        self.lost_leases.load(Ordering::Relaxed)
    }

    /// Returns the attempts of vanished workers that this process took back.
    pub fn rescued_total(&self) -> u64 {
        self.rescued.load(Ordering::Relaxed)
    }

    pub(super) fn claimed(&self, n: usize) {
        self.claimed.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn finished(&self, n: usize) {
        self.finished.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn fenced(&self, n: usize) {
        self.fenced_writes.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn lease_lost(&self) {
        self.lost_leases.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rescued(&self, n: usize) {
        self.rescued.fetch_add(n as u64, Ordering::Relaxed);
    }
}
