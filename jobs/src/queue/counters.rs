//! What the queue counts in a process.

mod attempts;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use self::attempts::Attempts;
pub(super) use self::attempts::Running;
use super::{claim::Claimed, outcome::Outcome};

/// Totals since the process started, and what it is doing now.
#[derive(Debug)]
pub struct Counters {
    claimed: Counter,
    finished: Counter,
    fenced_writes: Counter,
    lost_leases: Counter,
    rescued: Counter,
    flushes: Histogram,
    slots: Family<Queue, Gauge>,
    attempts: Attempts,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: String,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            claimed: Counter::default(),
            finished: Counter::default(),
            fenced_writes: Counter::default(),
            lost_leases: Counter::default(),
            rescued: Counter::default(),
            flushes: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
            slots: Family::default(),
            attempts: Attempts::default(),
        }
    }
}

impl Counters {
    /// Adds the series to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        for (name, help, counter) in [
            ("claimed", "Attempts claimed", &self.claimed),
            ("committed_outcomes", "Attempts whose outcome was committed", &self.finished),
            ("fenced_writes", "Writes refused because their attempt was stale", &self.fenced_writes),
            ("lease_losses", "Attempts interrupted because their lease was gone", &self.lost_leases),
            ("rescued", "Attempts of vanished workers that this process took back", &self.rescued),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register("flush_batch_size", "Outcomes committed together", self.flushes.clone());
        registry.register("worker_slots", "Handlers that may run at once", self.slots.clone());
        self.attempts.register(registry);
    }

    /// Returns the attempts claimed.
    pub fn claimed_total(&self) -> u64 {
        self.claimed.get()
    }

    /// Returns the attempts whose outcome was committed.
    pub fn finished_total(&self) -> u64 {
        self.finished.get()
    }

    /// Returns the writes refused because their attempt was stale.
    pub fn fenced_writes_total(&self) -> u64 {
        self.fenced_writes.get()
    }

    /// Returns the attempts interrupted because their lease was gone.
    pub fn lost_leases_total(&self) -> u64 {
        self.lost_leases.get()
    }

    /// Returns the attempts of vanished workers that this process took back.
    pub fn rescued_total(&self) -> u64 {
        self.rescued.get()
    }

    pub(super) fn claimed(&self, n: usize) {
        self.claimed.inc_by(n as u64);
    }

    pub(super) fn finished(&self, n: usize) {
        self.finished.inc_by(n as u64);
    }

    pub(super) fn fenced(&self, n: usize) {
        self.fenced_writes.inc_by(n as u64);
    }

    pub(super) fn lease_lost(&self) {
        self.lost_leases.inc();
    }

    pub(super) fn rescued(&self, n: usize) {
        self.rescued.inc_by(n as u64);
    }

    /// Notes that `n` outcomes go to the database together.
    pub(super) fn flushed(&self, n: usize) {
        self.flushes.observe(n as f64);
    }

    /// Notes how many handlers of `queue` may run at once.
    pub(super) fn slots(&self, queue: &str, n: usize) {
        let slots = self.slots.get_or_create(&Queue { queue: queue.to_owned() });
        slots.set(i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// Notes that an attempt begins; it counts as running until dropped.
    pub(super) fn started(&self, claimed: &Claimed) -> Running {
        self.attempts.started(claimed)
    }

    /// Notes how an attempt ended.
    pub(super) fn ended(&self, running: &Running, outcome: &Outcome) {
        self.attempts.ended(running, outcome);
    }
}
