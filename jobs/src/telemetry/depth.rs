//! How much waits in the queue, from the database, read at most every five seconds.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use sqlx::PgPool;
use tokio::{sync::Mutex, time::timeout};
use tracing::warn;

use crate::queue::depth::{Depth, depths};

/// Counting reads the whole hot table: scrapes that come sooner see the last answer.
const KEPT: Duration = Duration::from_secs(5);
/// A count that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Waiting {
    queue: String,
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: String,
}

/// Gauges of the unfinished jobs by queue and state, and of the oldest one that is due.
#[derive(Debug, Default)]
pub struct QueueDepth {
    jobs: Family<Waiting, Gauge>,
    oldest: Family<Queue, Gauge<f64, AtomicU64>>,
    reachable: Gauge,
    read: Mutex<Option<Instant>>,
}

impl QueueDepth {
    /// Adds the gauges to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("jobs", "Unfinished jobs by queue and state", self.jobs.clone());
        let help = "How long the oldest available job of a queue has been due";
        registry.register("oldest_available_age_seconds", help, self.oldest.clone());
        let help = "Whether the database answered the last count of jobs";
        registry.register("database_up", help, self.reachable.clone());
    }

    /// Reads the database unless that was done less than five seconds ago, then calls `show`
    /// while nobody else reads. Without an answer the gauges of jobs are absent.
    pub async fn shown<T>(&self, pool: &PgPool, show: impl FnOnce() -> T) -> T {
        let mut read = self.read.lock().await;
        if read.is_none_or(|at| at.elapsed() >= KEPT) {
            let counted = async { depths(&mut *pool.acquire().await?).await };
            let counted = timeout(PATIENCE, counted).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
            self.set(counted);
            *read = Some(Instant::now());
        }
        show()
    }

    fn set(&self, counted: sqlx::Result<Vec<Depth>>) {
        self.jobs.clear();
        self.oldest.clear();
        self.reachable.set(counted.is_ok().into());
        let counted = counted.unwrap_or_else(|error| {
            warn!(%error, "the jobs of the queue can't be counted for a scrape");
            Vec::new()
        });
        for Depth { queue, state, jobs, oldest_s } in counted {
            if state == "available" {
                let oldest = oldest_s.unwrap_or_default().max(0.0);
                self.oldest.get_or_create(&Queue { queue: queue.clone() }).set(oldest);
            }
            self.jobs.get_or_create(&Waiting { queue, state }).set(jobs);
        }
    }
}
