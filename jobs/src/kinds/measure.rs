//! A kind that does nothing but note that it ran: for measuring the queue.
//!
//! Registered only by the bench. What it notes belongs to the process, as a meter does.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError},
};

/// The payload, about 100 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measure {
    /// Which one it is.
    pub i: usize,
    /// Wall clock at the enqueue, in milliseconds of the Unix epoch.
    pub t: f64,
    /// Ballast.
    pub pad: String,
    /// How long the handler waits, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

impl Measure {
    /// Returns job number `i`, enqueued now.
    pub fn now(i: usize) -> Self {
        Self { i, t: wall_clock_ms(), pad: "x".repeat(64), wait_ms: None }
    }

    /// Returns job number `i`, enqueued now, whose handler waits for `wait_ms`.
    pub fn lasting(i: usize, wait_ms: u64) -> Self {
        Self { wait_ms: Some(wait_ms), ..Self::now(i) }
    }
}

/// Returns the wall clock in milliseconds of the Unix epoch.
pub fn wall_clock_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);
static LATENCIES: Mutex<Vec<f64>> = Mutex::new(Vec::new());

/// Returns how many jobs this process has handled.
pub fn handled() -> usize {
    HANDLED.load(Ordering::Relaxed)
}

/// Returns the milliseconds from enqueue to start of every job handled so far.
pub fn latencies_ms() -> Vec<f64> {
    LATENCIES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Job for Measure {
    const KIND: &'static str = "measure";
    const QUEUE: &'static str = "measure";
}

impl Handler for Measure {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) },
        max_failures: 5,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, _ctx: Context, _env: Arc<Environment>) -> Result<Success, JobError> {
        let latency = wall_clock_ms() - self.t;
        LATENCIES.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
        if let Some(ms) = self.wait_ms {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        HANDLED.fetch_add(1, Ordering::Relaxed);
        Ok(Success::Output(Value::Null))
    }
}
