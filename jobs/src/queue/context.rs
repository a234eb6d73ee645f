//! What a handler is given: its identity, its fence, its interruption, its progress.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    ack,
    counters::Counters,
    lease::{Fence, Interrupt, Interruption},
};
use crate::handler::Success;

/// Progress is for people: more often than this is noise.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// The surroundings of one attempt.
#[derive(Debug, Clone)]
pub struct Context {
    fence: Fence,
    interrupt: Interrupt,
    pool: PgPool,
    counters: Arc<Counters>,
    trace_id: Option<String>,
    failures: i32,
    last_progress: Arc<Mutex<Option<Instant>>>,
}

impl Context {
    pub(super) fn new(
        fence: Fence,
        interrupt: Interrupt,
        pool: PgPool,
        counters: Arc<Counters>,
        trace_id: Option<String>,
        failures: i32,
    ) -> Self {
        Self { fence, interrupt, pool, counters, trace_id, failures, last_progress: Arc::default() }
    }

    /// Returns the fence that every write of this attempt carries.
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// Returns the ordinal of this attempt, from 1.
    pub fn attempt(&self) -> i32 {
        self.fence.attempt
    }

    /// Returns how many earlier attempts failed.
    pub fn failures(&self) -> i32 {
        self.failures
    }

    /// Returns a key for effects outside Postgres, the same in every attempt of the job.
    pub fn idempotency_key(&self) -> Uuid {
        self.fence.job_id
    }

    /// Returns the trace that the job was enqueued under.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// Returns why the handler should stop, once it should.
    pub fn interruption(&self) -> Option<&Interruption> {
        self.interrupt.reason()
    }

    /// Returns the token that fires when the handler should stop.
    pub fn interrupted(&self) -> &CancellationToken {
        self.interrupt.token()
    }

    /// Locks the job's row in the caller's transaction, so that nobody can take the job
    /// before it commits; refuses when this attempt no longer holds it.
    pub async fn hold(&self, conn: &mut PgConnection) -> Result<(), FencedError> {
        let held = sqlx::query_scalar!(
            "select 1
               from queue.jobs
              where job_id = $1 and attempt = $2 and lease_token = $3 and state = 'running'
                for no key update",
            self.fence.job_id,
            self.fence.attempt,
            self.fence.lease_token,
        )
        .fetch_optional(conn)
        .await?;
        self.refuse_unless(held.is_some())
    }

    /// Finishes the job in the caller's transaction: its rows and the completion commit together.
    pub(crate) async fn complete_in(
        &self,
        conn: &mut PgConnection,
        output: Value,
    ) -> Result<Success, FencedError> {
        let done = ack::complete(conn, &[(self.fence, output)]).await?;
        self.refuse_unless(done.len() == 1)?;
        Ok(Success::Recorded)
    }

    /// Reports progress, `percent` of 100; too frequent reports are dropped.
    pub async fn progress(&self, percent: u8, note: &str) -> Result<(), FencedError> {
        {
            let mut last = self.last_progress.lock().unwrap_or_else(PoisonError::into_inner);
            if percent < 100 && last.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
                return Ok(());
            }
            *last = Some(Instant::now());
        }
        let mut conn = self.pool.acquire().await?;
        self.progress_in(&mut conn, percent, note).await
    }

    /// Reports progress in the caller's transaction.
    pub async fn progress_in(
        &self,
        conn: &mut PgConnection,
        percent: u8,
        note: &str,
    ) -> Result<(), FencedError> {
        let written = sqlx::query!(
            "update queue.jobs
                set progress = $4, progress_note = $5
              where job_id = $1 and attempt = $2 and lease_token = $3 and state = 'running'",
            self.fence.job_id,
            self.fence.attempt,
            self.fence.lease_token,
            i16::from(percent.min(100)),
            note,
        )
        .execute(conn)
        .await?
        .rows_affected();
        self.refuse_unless(written == 1)
    }

    fn refuse_unless(&self, held: bool) -> Result<(), FencedError> {
        if held {
            return Ok(());
        }
        self.counters.fenced(1);
        self.interrupt.fire(Interruption::LeaseLost);
        Err(FencedError::LeaseLost)
    }
}

/// Why a fenced write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum FencedError {
    /// The attempt is stale: stop, and write nothing more.
    #[error("the attempt no longer holds its job")]
    LeaseLost,
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<FencedError> for super::JobError {
    fn from(error: FencedError) -> Self {
        match error {
            FencedError::LeaseLost => Self::Interrupted,
            FencedError::Database(error) => error.into(),
        }
    }
}
