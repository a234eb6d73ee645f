//! How a stream misbehaves: twice, out of order, or not at all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::exchange::Chance;

/// The share of events (0.0 to 1.0) that each misbehaviour meets.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disturb {
    /// Sent twice.
    pub duplicate: f64,
    /// Sent after the event that follows it.
    pub reorder: f64,
    /// Not sent: the connection ends instead.
    pub drop_connection: f64,
}

/// The misbehaviour in force, shared by all connections and changed at any time.
#[derive(Debug, Clone, Default)]
pub struct Disturbances {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    seed: u64,
    now: Mutex<Disturb>,
    events: AtomicU64,
}

/// What happens to one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fate {
    pub duplicate: bool,
    pub reorder: bool,
    pub drop_connection: bool,
}

impl Disturbances {
    /// Returns a well-behaved stream whose chances follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { shared: Arc::new(Shared { seed, ..Shared::default() }) }
    }

    /// Sets the misbehaviour of the events from now on.
    pub fn set(&self, disturb: Disturb) {
        *self.shared.now.lock().unwrap_or_else(PoisonError::into_inner) = disturb;
    }

    /// Returns the misbehaviour in force.
    pub fn get(&self) -> Disturb {
        *self.shared.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides over the next event.
    pub(super) fn next(&self) -> Fate {
        let disturb = self.get();
        if disturb == Disturb::default() {
            return Fate::default();
        }
        let number = self.shared.events.fetch_add(1, Ordering::Relaxed);
        let chance = Chance { seed: self.shared.seed, generation: 0 };
        Fate {
            duplicate: chance.fraction("duplicate", number) < disturb.duplicate,
            reorder: chance.fraction("reorder", number) < disturb.reorder,
            drop_connection: chance.fraction("drop connection", number) < disturb.drop_connection,
        }
    }
}
