//! Wake-up hints: sent after commit, from a connection of their own, coalesced.
//!
//! A lost hint costs a poll interval, never a job.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tracing::debug;

/// The NOTIFY channel whose payload is a queue with new work.
pub(super) const JOBS_CHANNEL: &str = "capstan_jobs";
/// The NOTIFY channel that says: a running job's cancellation was asked for.
pub(super) const CANCELS_CHANNEL: &str = "capstan_cancels";
/// The NOTIFY channel that says: a job with a FIFO key, a limit or predecessors was enqueued.
pub(super) const ADMISSIONS_CHANNEL: &str = "capstan_admissions";
/// The NOTIFY channel that says: there are new rows in `events`.
pub const EVENTS_CHANNEL: &str = "capstan_events";

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hint {
    channel: &'static str,
    payload: String,
}

/// Sends hints; clones share one sending task, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Hints {
    sender: mpsc::UnboundedSender<Hint>,
    _task: Arc<AbortOnDrop>,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Hints {
    /// Starts the sending task on `pool`; call it inside a tokio runtime.
    pub fn new(pool: PgPool) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, _task: Arc::new(AbortOnDrop(tokio::spawn(send(pool, receiver)))) }
    }

    /// Says that `queue` has new work.
    pub fn jobs(&self, queue: &str) {
        self.push(JOBS_CHANNEL, queue);
    }

    /// Says that a job with a FIFO key, a limit or predecessors was enqueued.
    pub fn admissions(&self) {
        self.push(ADMISSIONS_CHANNEL, "");
    }

    /// Says that a running job's cancellation was asked for.
    pub fn cancels(&self) {
        self.push(CANCELS_CHANNEL, "");
    }

    /// Says that there are new events.
    pub fn events(&self) {
        self.push(EVENTS_CHANNEL, "");
    }

    fn push(&self, channel: &'static str, payload: &str) {
        // The task is gone only when the process is: then nobody needs the hint.
        let _ = self.sender.send(Hint { channel, payload: payload.to_owned() });
    }
}

/// Sends what has gathered, then what gathered meanwhile: one statement a round trip.
async fn send(pool: PgPool, mut hints: mpsc::UnboundedReceiver<Hint>) {
    let mut batch = Vec::new();
    while hints.recv_many(&mut batch, 1024).await > 0 {
        let distinct: BTreeSet<Hint> = batch.drain(..).collect();
        let channels: Vec<String> = distinct.iter().map(|h| h.channel.to_owned()).collect();
        let payloads: Vec<String> = distinct.into_iter().map(|h| h.payload).collect();
        let notify = sqlx::query!(
            "select pg_notify(channel, payload)::text
               from unnest($1::text[], $2::text[]) as h(channel, payload)",
            &channels,
            &payloads,
        )
        .fetch_all(&pool);
        match timeout(Duration::from_secs(5), notify).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => debug!(%error, "a hint was not sent; polling covers it"),
            Err(_) => debug!("a hint was not sent in time; polling covers it"),
        }
    }
}
