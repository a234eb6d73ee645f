//! What operators set for the queues at run time, followed by every worker.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::PgPool;
use tracing::info;

use super::{counters::Counters, hand::Hand};

/// One queue of this process, as it can be steered.
#[derive(Debug)]
pub(super) struct Control {
    paused: AtomicBool,
    hand: Arc<Hand>,
    /// The slots of this process's own settings.
    slots: usize,
    counters: Arc<Counters>,
}

impl Control {
    pub(super) fn new(hand: Arc<Hand>, slots: usize, counters: Arc<Counters>) -> Self {
        Self { paused: AtomicBool::new(false), hand, slots, counters }
    }

    pub(super) fn paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    fn follow(&self, queue: &str, paused: bool, concurrency: Option<usize>) {
        if self.paused.swap(paused, Ordering::Relaxed) != paused {
            info!(queue, "{queue} is {}", if paused { "paused" } else { "resumed" });
        }
        let slots = concurrency.unwrap_or(self.slots);
        if self.hand.resize(slots) {
            self.counters.slots(queue, slots);
            info!(queue, "{queue} has {slots} slots now");
        }
    }
}

/// Reads `queue.queues` and applies it.
pub(super) async fn follow(pool: &PgPool, controls: &BTreeMap<String, Arc<Control>>) -> sqlx::Result<()> {
    let names: Vec<String> = controls.keys().cloned().collect();
    let rows =
        sqlx::query!("select queue, paused, concurrency from queue.queues where queue = any($1)", &names)
            .fetch_all(pool)
            .await?;
    for (name, control) in controls {
        let set = rows.iter().find(|row| row.queue == *name);
        let concurrency = set.and_then(|row| row.concurrency).and_then(|n| usize::try_from(n).ok());
        control.follow(name, set.is_some_and(|row| row.paused), concurrency);
    }
    Ok(())
}
