//! What a handler is given: its identity, its fence, its interruption, its progress.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::{
    JobError, ack,
    counters::Counters,
    lease::{Fence, Interrupt, Interruption},
};
use crate::handler::Success;

/// Progress is for people: more often than this is noise.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Most lines that a job may log.
pub const LOG_LINES: i32 = 500;
/// Longer lines are cut.
const LOG_CHARS: usize = 2_000;

/// How much a logged line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

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

    /// Runs a durable step: its result is kept, and a later attempt of the job reads it
    /// instead of doing the work again.
    ///
    /// A crash between the work and the record repeats the work, so it must be safe to repeat,
    /// as a whole handler must. Steps are told apart by `name`, unique within the job.
    pub async fn step<T, F>(&self, name: &str, work: impl FnOnce() -> F) -> Result<T, JobError>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, JobError>>,
    {
        let undecodable = |error: serde_json::Error| {
            JobError::fatal("STEP_UNDECODABLE", format!("the result of step {name} does not decode: {error}"))
        };
        let done = sqlx::query_scalar!(
            "select output from queue.steps where job_id = $1 and name = $2",
            self.fence.job_id,
            name,
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(output) = done {
            return serde_json::from_value(output).map_err(undecodable);
        }
        if self.interruption().is_some() {
            return Err(JobError::Interrupted);
        }
        let output = work().await?;
        let kept = serde_json::to_value(&output).map_err(undecodable)?;
        let mut tx = self.pool.begin().await?;
        self.hold(&mut tx).await?;
        sqlx::query!(
            "insert into queue.steps (job_id, name, output, attempt)
             values ($1, $2, $3, $4)
             on conflict (job_id, name) do nothing",
            self.fence.job_id,
            name,
            kept,
            self.fence.attempt,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(output)
    }

    /// Notes a line for people, shown with the job; beyond [`LOG_LINES`] of a job, nothing.
    pub async fn log(&self, level: LogLevel, message: &str) -> Result<(), FencedError> {
        let message: String = message.replace('\0', "\u{fffd}").chars().take(LOG_CHARS).collect();
        sqlx::query!(
            "insert into queue.logs (job_id, seq, attempt, level, message)
             select $1, coalesce(max(seq), 0) + 1, $2, $3, $4
               from queue.logs
              where job_id = $1
             having coalesce(max(seq), 0) < $5
                and exists (select 1 from queue.jobs
                             where job_id = $1 and attempt = $2 and lease_token = $6 and state = 'running')
             on conflict do nothing",
            self.fence.job_id,
            self.fence.attempt,
            level.as_str(),
            message,
            LOG_LINES,
            self.fence.lease_token,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    fn refuse_unless(&self, held: bool) -> Result<(), FencedError> {
        if held {
            return Ok(());
        }
        self.counters.fenced(1);
        warn!(job.id = %self.fence.job_id, attempt = self.fence.attempt,
              "a write of a stale attempt was refused");
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

impl From<FencedError> for JobError {
    fn from(error: FencedError) -> Self {
        match error {
            FencedError::LeaseLost => Self::Interrupted,
            FencedError::Database(error) => error.into(),
        }
    }
}
