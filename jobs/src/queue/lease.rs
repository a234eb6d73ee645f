//! The attempts that this process holds: their fences, their leases, their interruption.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::counters::Counters;

/// What every write of an attempt must match: the job, the ordinal of the claim, and the
/// claim's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The job.
    pub job_id: Uuid,
    /// The ordinal of the claim, from 1.
    pub attempt: i32,
    /// Random for each claim.
    pub lease_token: Uuid,
}

/// Why a handler is asked to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// Somebody cancelled the job, for this reason.
    Cancelled(String),
    /// The lease is gone: another worker may hold the job.
    LeaseLost,
    /// The process is stopping.
    Shutdown,
}

/// The one-shot signal that asks an attempt to stop; the first reason stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt {
    token: CancellationToken,
    reason: Arc<OnceLock<Interruption>>,
}

impl Interrupt {
    pub(super) fn fire(&self, reason: Interruption) {
        // A second reason changes nothing: the handler is stopping already.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    pub(super) fn reason(&self) -> Option<&Interruption> {
        self.reason.get()
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

#[derive(Debug)]
struct Held {
    fence: Fence,
    interrupt: Interrupt,
    /// When the lease was last known to be ours, by this process's monotonic clock.
    renewed: Instant,
    /// The handler has ended and its outcome is on the way: nobody is left to interrupt.
    ended: bool,
}

/// The attempts that this process holds until their outcome is committed.
#[derive(Debug)]
pub(super) struct Leases {
    worker_id: Uuid,
    length: Duration,
    held: Mutex<HashMap<Uuid, Held>>,
    /// Since when every renewal has succeeded.
    steady: Mutex<Option<Instant>>,
    counters: Arc<Counters>,
}

impl Leases {
    pub(super) fn new(worker_id: Uuid, length: Duration, counters: Arc<Counters>) -> Self {
        Self { worker_id, length, held: Mutex::default(), steady: Mutex::default(), counters }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        // The map is consistent between any two of our statements, so a panic elsewhere
        // does not spoil it.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes attempts claimed at `since` (read before the claim was sent).
    pub(super) fn hold(&self, fence: Fence, since: Instant) -> Interrupt {
        let interrupt = Interrupt::default();
        self.lock()
            .insert(fence.job_id, Held { fence, interrupt: interrupt.clone(), renewed: since, ended: false });
        interrupt
    }

    pub(super) fn release(&self, fence: &Fence) {
        let mut held = self.lock();
        // A later claim of the same job by this process must not be forgotten with it.
        if held.get(&fence.job_id).is_some_and(|h| h.fence == *fence) {
            held.remove(&fence.job_id);
        }
    }

    /// Notes that the handler has ended; the lease is renewed until its outcome is committed.
    pub(super) fn ended(&self, fence: &Fence) {
        if let Some(held) = self.lock().get_mut(&fence.job_id).filter(|h| h.fence == *fence) {
            held.ended = true;
        }
    }

    /// Returns how many handlers are running.
    pub(super) fn running(&self) -> usize {
        self.lock().values().filter(|held| !held.ended).count()
    }

    pub(super) fn interrupt_all(&self, reason: &Interruption) {
        for held in self.lock().values() {
            held.interrupt.fire(reason.clone());
        }
    }

    /// Notes whether a renewal succeeded.
    pub(super) fn note_renewal(&self, succeeded: bool) {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        *steady = if succeeded { steady.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Returns whether this process has reached the database for so long that healthy workers
    /// must have renewed their leases too: what has expired then belongs to the dead.
    pub(super) fn steady(&self) -> bool {
        let steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.is_some_and(|since| since.elapsed() >= self.length)
    }

    /// Returns the jobs held here, and by whom.
    pub(super) fn holdings(&self) -> (Uuid, Vec<Uuid>) {
        (self.worker_id, self.lock().keys().copied().collect())
    }

    /// Renews every lease in one statement and interrupts the attempts that lost theirs.
    pub(super) async fn renew(&self, pool: &PgPool) -> sqlx::Result<()> {
        let fences: Vec<Fence> = self.lock().values().map(|h| h.fence).collect();
        if fences.is_empty() {
            return Ok(());
        }
        let since = Instant::now();
        let ids: Vec<Uuid> = fences.iter().map(|f| f.job_id).collect();
        let attempts: Vec<i32> = fences.iter().map(|f| f.attempt).collect();
        let tokens: Vec<Uuid> = fences.iter().map(|f| f.lease_token).collect();
        // A row locked by a transaction of this very attempt (or by its acknowledgement) is
        // left alone rather than waited for: nobody can take it while it is locked.
        let rows = sqlx::query!(
            r#"with h as materialized (
                   select job_id, attempt, lease_token
                     from unnest($1::uuid[], $2::int[], $3::uuid[]) as u(job_id, attempt, lease_token)),
               free as materialized (
                   select j.job_id
                     from queue.jobs j
                     join h on j.job_id = h.job_id and j.attempt = h.attempt
                           and j.lease_token = h.lease_token
                      for no key update of j skip locked),
               renewed as (
                   update queue.jobs j
                      set lease_expires_at = clock_timestamp() + make_interval(secs => $4)
                     from free
                    where j.job_id = free.job_id
                returning j.job_id)
               select h.job_id as "job_id!",
                      exists (select 1 from queue.jobs j
                               where j.job_id = h.job_id and j.attempt = h.attempt
                                 and j.lease_token = h.lease_token) as "held!"
                 from h
                 left join renewed using (job_id)"#,
            &ids,
            &attempts,
            &tokens,
            self.length.as_secs_f64(),
        )
        .fetch_all(pool)
        .await?;
        let mut held = self.lock();
        for row in rows {
            let fence = fences.iter().find(|f| f.job_id == row.job_id);
            let Some(mine) = held.get_mut(&row.job_id).filter(|h| Some(&h.fence) == fence) else {
                continue;
            };
            if row.held {
                mine.renewed = since;
            } else {
                self.lose(mine);
            }
        }
        Ok(())
    }

    /// Interrupts the attempts whose lease has run out unrenewed: while the database is
    /// away, another worker may have been given them.
    pub(super) fn expire(&self) {
        for held in self.lock().values().filter(|h| h.renewed.elapsed() > self.length) {
            self.lose(held);
        }
    }

    fn lose(&self, held: &Held) {
        if held.ended {
            return;
        }
        if held.interrupt.reason().is_none() {
            self.counters.lease_lost();
            warn!(job.id = %held.fence.job_id, attempt = held.fence.attempt,
                  "the lease of job {} is gone; its attempt {} is told to stop",
                  held.fence.job_id, held.fence.attempt);
        }
        held.interrupt.fire(Interruption::LeaseLost);
    }

    /// Interrupts the attempts whose job somebody cancelled.
    pub(super) async fn watch_cancels(&self, pool: &PgPool) -> sqlx::Result<()> {
        let (_, holdings) = self.holdings();
        if holdings.is_empty() {
            return Ok(());
        }
        // By their keys: the index of running jobs is full of dead entries during a drain.
        let cancelled = sqlx::query!(
            "select job_id, attempt, cancel_reason
               from queue.jobs
              where job_id = any($1) and worker_id = $2 and cancel_requested_at is not null",
            &holdings,
            self.worker_id,
        )
        .fetch_all(pool)
        .await?;
        let held = self.lock();
        for row in cancelled {
            if let Some(h) = held.get(&row.job_id).filter(|h| h.fence.attempt == row.attempt) {
                h.interrupt.fire(Interruption::Cancelled(row.cancel_reason.unwrap_or_default()));
            }
        }
        Ok(())
    }
}
