//! Commits outcomes in batches: by size, or when a few milliseconds have passed.
//!
//! An outcome is kept and tried again while the database is away; the fence decides in the
//! end whether it still counts.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sqlx::{Connection, PgPool};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::{debug, error, warn};

use super::{
    ack::{self, Waiting},
    claim::Claimed,
    counters::Counters,
    lease::{Fence, Leases},
    outcome::{EndState, Ending, Outcome},
    transient::passes,
};
use crate::{config, failpoint, queue::Hints, registry::Registry};

/// An attempt's outcome on its way to the database.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) claimed: Claimed,
    pub(super) outcome: Outcome,
}

/// Everything that committing outcomes needs.
pub(super) struct Flusher {
    pub(super) pool: PgPool,
    pub(super) hints: Hints,
    pub(super) leases: Arc<Leases>,
    pub(super) counters: Arc<Counters>,
    pub(super) registry: Registry,
    pub(super) settings: config::Queue,
    /// Told when a job was put back with a delay, so that nobody sleeps past it.
    pub(super) put_back: Arc<Notify>,
    /// Told when a job has ended that others may wait for.
    pub(super) gates: Arc<Notify>,
}

/// No single commit may take longer; then it is tried again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

impl Flusher {
    /// Starts the task; it ends when every sender is gone and all was committed.
    pub(super) fn start(self) -> (mpsc::Sender<Report>, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(self.settings.flush_batch * 4);
        (sender, tokio::spawn(self.run(receiver)))
    }

    async fn run(self, mut reports: mpsc::Receiver<Report>) {
        let mut batch = Vec::with_capacity(self.settings.flush_batch);
        while let Some(first) = reports.recv().await {
            batch.push(first);
            self.gather(&mut reports, &mut batch).await;
            self.commit(std::mem::take(&mut batch)).await;
        }
    }

    /// Adds what arrives within the flush interval; does not wait when nobody else is running.
    async fn gather(&self, reports: &mut mpsc::Receiver<Report>, batch: &mut Vec<Report>) {
        let deadline = Instant::now() + Duration::from_millis(self.settings.flush_ms);
        while batch.len() < self.settings.flush_batch {
            match reports.try_recv() {
                Ok(report) => batch.push(report),
                Err(_) if self.leases.running() == 0 => return,
                Err(_) => match timeout_at(deadline, reports.recv()).await {
                    Ok(Some(report)) => batch.push(report),
                    Ok(None) | Err(_) => return,
                },
            }
        }
    }

    async fn commit(&self, reports: Vec<Report>) {
        self.counters.flushed(reports.len());
        failpoint::hit("before_flush");
        let mut completed = Vec::new();
        let mut waiting = Vec::new();
        let mut ended = Vec::new();
        let opens_gates = reports.iter().any(|report| report.claimed.gates);
        for Report { claimed, outcome } in reports {
            let fence = claimed.fence;
            match outcome {
                Outcome::Completed(output) => completed.push((fence, output)),
                Outcome::Retry { failure, delay } => waiting.push((fence, Waiting::Retry(failure, delay))),
                Outcome::Snooze(delay) => waiting.push((fence, Waiting::Snooze(delay))),
                Outcome::GiveBack => waiting.push((fence, Waiting::GiveBack)),
                Outcome::Indeterminate(failure) => {
                    waiting.push((fence, Waiting::Indeterminate(failure)));
                }
                Outcome::End(ending) => ended.push((claimed, ending)),
                Outcome::Recorded => {
                    self.leases.release(&fence);
                    self.counters.finished(1);
                }
                Outcome::Stale => {
                    self.leases.release(&fence);
                    self.counters.fenced(1);
                }
            }
        }
        self.commit_completed(&completed).await;
        self.commit_waiting(&waiting).await;
        for (claimed, ending) in &ended {
            self.commit_ended(claimed, ending).await;
        }
        if opens_gates {
            self.gates.notify_one();
        }
    }

    async fn commit_completed(&self, completed: &[(Fence, Value)]) {
        if completed.is_empty() {
            return;
        }
        match self.persist("complete", || ack::complete(&self.pool, completed)).await {
            Ok(done) => {
                failpoint::hit("during_flush");
                self.settle(completed.iter().map(|(fence, _)| fence), &done);
            }
            Err(error) => match completed {
                [(fence, _)] => self.give_up(fence, "OUTPUT_REFUSED", &error).await,
                // One of them is refused: alone, each shows which.
                many => {
                    for one in many.chunks(1) {
                        Box::pin(self.commit_completed(one)).await;
                    }
                }
            },
        }
    }

    async fn commit_waiting(&self, waiting: &[(Fence, Waiting)]) {
        if waiting.is_empty() {
            return;
        }
        match self.persist("put back", || ack::put_back(&self.pool, waiting)).await {
            Ok(done) => {
                self.settle(waiting.iter().map(|(fence, _)| fence), &done);
                self.put_back.notify_one();
            }
            Err(error) => match waiting {
                [(fence, _)] => self.give_up(fence, "RETRY_REFUSED", &error).await,
                many => {
                    for one in many.chunks(1) {
                        Box::pin(self.commit_waiting(one)).await;
                    }
                }
            },
        }
    }

    async fn commit_ended(&self, claimed: &Claimed, ending: &Ending) {
        match self.persist("end", || self.end(claimed, ending)).await {
            Ok(done) => {
                let done: Vec<_> = done.then_some(claimed.fence.job_id).into_iter().collect();
                self.settle(std::iter::once(&claimed.fence), &done);
            }
            Err(error) => {
                error!(job.id = %claimed.fence.job_id, %error,
                       "the kind of job {} could not be told of its end", claimed.fence.job_id);
                self.give_up(&claimed.fence, &ending.class, &error).await;
            }
        }
    }

    /// Ends a job whose outcome the database refuses for good, without its kind's word: one bad
    /// row must not hold up every other.
    async fn give_up(&self, fence: &Fence, class: &str, error: &sqlx::Error) {
        error!(job.id = %fence.job_id, %error, "the database refuses the outcome of job {}", fence.job_id);
        let ending = Ending {
            state: EndState::Discarded,
            class: class.to_owned(),
            message: format!("the database refused the outcome: {error}").replace('\0', "\u{fffd}"),
        };
        let end = || async { ack::end(&mut *self.pool.acquire().await?, fence, &ending, true).await };
        match self.persist("give up", end).await {
            Ok(true) => self.settle(std::iter::once(fence), &[fence.job_id]),
            // Stale, or refused even so: the lease will expire.
            Ok(false) | Err(_) => self.settle(std::iter::once(fence), &[]),
        }
    }

    /// Ends a job and tells its kind, in one transaction.
    async fn end(&self, claimed: &Claimed, ending: &Ending) -> sqlx::Result<bool> {
        let mut conn = self.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        if !ack::end(&mut tx, &claimed.fence, ending, ending.state == EndState::Discarded).await? {
            return Ok(false);
        }
        if let Some(entry) = self.registry.get(&claimed.kind) {
            (entry.abandon)(claimed.payload.clone(), &mut tx, ending).await?;
        }
        tx.commit().await?;
        // The kind may have told its owner in an event.
        self.hints.events();
        Ok(true)
    }

    fn settle<'a>(&self, fences: impl Iterator<Item = &'a Fence>, done: &[uuid::Uuid]) {
        for fence in fences {
            self.leases.release(fence);
            if done.contains(&fence.job_id) {
                self.counters.finished(1);
            } else {
                self.counters.fenced(1);
                debug!(job.id = %fence.job_id, attempt = fence.attempt,
                       "the outcome of a stale attempt was refused");
            }
        }
    }

    /// Repeats `write` until the database takes it, or refuses it for good. A commit whose answer
    /// was lost is safe to repeat: the row is then gone or fenced.
    async fn persist<T, F>(&self, what: &str, write: impl Fn() -> F) -> sqlx::Result<T>
    where
        F: Future<Output = sqlx::Result<T>>,
    {
        let mut wait = Duration::from_millis(50);
        loop {
            match timeout(COMMIT_TIMEOUT, write()).await {
                Ok(Ok(written)) => return Ok(written),
                Ok(Err(error)) if !passes(&error) => return Err(error),
                Ok(Err(error)) => warn!(%error, "could not {what} attempts; trying again in {wait:?}"),
                Err(_) => warn!("no answer to {what} attempts within {COMMIT_TIMEOUT:?}; trying again"),
            }
            sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }
}
