//! A cycle of an agent: what to look at, what it costs, what analysts say, what is decided, and what
//! becomes of that.
//!
//! Each step is durable: a crash resumes at the step, and what was decided before stays. Controls are
//! read afresh before each step and again in the transaction of each order, so that nothing is sent
//! after somebody said stop. A proposal never acts by itself: the gates here come before those of
//! [`crate::trading`].

mod analysis;
mod controls;
mod deciding;
mod exits;
mod gates;
mod market;
mod orders;
mod request;
mod sizing;
mod ticker;
mod universe;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::cycle::Stop;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use crate::{
    db::{
        agents::{self, Agent},
        broker_state,
        cycles::{self, Outcome, Skipped},
        decisions,
    },
    environment::Environment,
    failpoint,
    handler::Success,
    kinds::run_cycle::RunCycle,
    queue::{Context, JobError},
    trading,
};

pub use orders::{ExecuteRefused, Executed, execute};
pub(crate) use request::analyse_on_request;
pub(crate) use ticker::lead;

/// The queue of cycles.
pub const QUEUE: &str = "agents";

/// One that is resumed so long after it began decides nothing by the prices that it read.
const LATE: Duration = Duration::from_mins(10);

/// Why a cycle was not carried through.
#[derive(Debug)]
enum Left {
    /// A control stopped it.
    Stopped { step: &'static str, stop: Stop },
    /// It can't do its work now: the next one may.
    Failed(String),
    /// Another job has the tick.
    NotOurs,
    /// The attempt ends: the queue knows how to go on.
    Attempt(JobError),
}

impl From<JobError> for Left {
    fn from(error: JobError) -> Self {
        Self::Attempt(error)
    }
}

impl From<sqlx::Error> for Left {
    fn from(error: sqlx::Error) -> Self {
        Self::Attempt(error.into())
    }
}

/// One attempt at a cycle.
struct Run {
    ctx: Context,
    env: Arc<Environment>,
    user_id: Uuid,
    tick: DateTime<Utc>,
}

/// What a cycle began with.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Begun {
    /// Whether the tick is this job's.
    ours: bool,
    /// When it began.
    at: DateTime<Utc>,
    /// The start of the window that it decides for.
    window_start: DateTime<Utc>,
}

/// Runs one attempt at the cycle, and records its end.
pub(crate) async fn run(job: RunCycle, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
    let run = Run { ctx, env, user_id: job.user_id, tick: job.tick };
    let mut outcome = Outcome::default();
    match run.carry_out(&mut outcome).await {
        Ok(()) => run.finish(&outcome).await,
        Err(Left::Stopped { step, stop }) => run.stopped(step, stop, &outcome).await,
        Err(Left::Failed(error)) => run.failed(&error, &outcome).await,
        Err(Left::NotOurs) => Ok(Success::Output(json!({ "status": "skipped", "tick": run.tick }))),
        Err(Left::Attempt(error)) => Err(error),
    }
}

impl Run {
    async fn carry_out(&self, outcome: &mut Outcome) -> Result<(), Left> {
        self.controls("begin").await?;
        self.read_broker().await?;
        let begun = self.ctx.step("begin", || self.begin()).await?;
        if !begun.ours {
            return Err(Left::NotOurs);
        }
        // Before all that may be slow or fail: leaving a position must wait for no analyst.
        self.exit(outcome).await?;
        self.controls("universe").await?;
        let universe = self.ctx.step("universe", || self.universe(&begun)).await?;
        outcome.universe.clone_from(&universe.symbols);
        outcome.skipped.extend(universe.skipped);
        let agent = self.controls("market").await?;
        let market = self.ctx.step("market", || self.market(&universe.symbols)).await?;
        outcome.skipped.extend(market.skipped.iter().cloned());
        if market.prices.is_empty()
            && let Some(error) = &market.error
        {
            return Err(Left::Failed(error.clone()));
        }
        let analysed = self.analyse(&agent, &universe.wanted, &market, outcome).await?;
        self.controls("decisions").await?;
        if (Utc::now() - begun.at).to_std().is_ok_and(|since| since > LATE) {
            return Err(Left::Failed("it was resumed too late to decide by its prices".into()));
        }
        failpoint::hit("run_cycle.before_decisions");
        let decided = self.ctx.step("decisions", || self.decide(&begun, &analysed)).await?;
        failpoint::hit("run_cycle.after_decisions");
        outcome.decided = decided;
        self.order(outcome).await
    }

    /// Reads what the broker has, where it is too old; without it orders wait for the gates.
    async fn read_broker(&self) -> Result<(), JobError> {
        match self.env.broker.as_deref() {
            Some(broker) => {
                trading::refresh_account(&self.env, broker, trading::MAX_VIEW_AGE).await.map(drop)
            }
            None => Ok(()),
        }
    }

    async fn begin(&self) -> Result<Begun, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        let agent = agents::status(&mut tx, self.user_id).await?;
        let (id, trace_id) = (self.id(), self.ctx.trace_id());
        let interval = Duration::from_secs(agent.interval_s.unsigned_abs().into());
        let tick =
            cycles::Tick { user_id: self.user_id, at: self.tick, good_for: ticker::SHELF_LIFE.max(interval) };
        let ours = cycles::begin(&mut tx, id, &tick, agent.mode, trace_id).await?;
        // Decisions before the agent, as whoever orders locks them.
        decisions::expire_older(&mut tx, self.user_id, orders::PATIENCE).await?;
        agents::seen(&mut tx, self.user_id).await?;
        tx.commit().await?;
        Ok(Begun { ours, at: Utc::now(), window_start: domain::cycle::window_start(self.tick, interval) })
    }

    /// The cycle's id, that of its job.
    fn id(&self) -> Uuid {
        self.ctx.idempotency_key()
    }

    /// Returns the agent, unless something stops it before `step`.
    async fn controls(&self, step: &'static str) -> Result<Agent, Left> {
        let mut conn = self.env.pool.acquire().await?;
        let standing = controls::read(&mut conn, self.user_id).await?;
        match standing.controls.stop() {
            Some(by) => Err(Left::Stopped { step, stop: by }),
            None => Ok(standing.agent),
        }
    }

    /// Returns the market's time, which a simulated exchange sets apart from this machine's.
    async fn market_time(&self) -> sqlx::Result<DateTime<Utc>> {
        let now = Utc::now();
        let state = broker_state::state(&mut *self.env.pool.acquire().await?).await?;
        Ok(state.market_time(now).unwrap_or(now))
    }

    async fn finish(&self, outcome: &Outcome) -> Result<Success, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        cycles::finish(&mut tx, self.id(), outcome).await?;
        agents::succeeded(&mut tx, self.user_id).await?;
        self.complete(tx, json!({ "status": "done", "ordered": outcome.ordered })).await
    }

    async fn stopped(&self, before: &str, by: Stop, outcome: &Outcome) -> Result<Success, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        // One that is stopped before it began is recorded all the same.
        let mode = agents::status(&mut tx, self.user_id).await?.mode;
        let tick = cycles::Tick { user_id: self.user_id, at: self.tick, good_for: LATE };
        cycles::begin(&mut tx, self.id(), &tick, mode, self.ctx.trace_id()).await?;
        cycles::stopped(&mut tx, self.id(), before, by.as_str(), outcome).await?;
        self.complete(tx, json!({ "status": "stopped", "before": before, "by": by })).await
    }

    /// Ends a cycle that could not do its work; the next one is put off.
    async fn failed(&self, error: &str, outcome: &Outcome) -> Result<Success, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        cycles::fail(&mut tx, self.id(), error, Some(outcome)).await?;
        agents::failed(&mut tx, self.user_id, error).await?;
        self.complete(tx, json!({ "status": "failed", "error": error })).await
    }

    async fn complete(
        &self,
        mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
        output: serde_json::Value,
    ) -> Result<Success, JobError> {
        let success = self.ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        self.hint();
        Ok(success)
    }

    /// Wakes whoever waits for what was just committed.
    fn hint(&self) {
        self.env.hints.events();
        self.env.hints.admissions();
        self.env.hints.jobs(trading::QUEUE);
    }
}

fn skipped(symbol: &str, reason: impl Into<String>) -> Skipped {
    Skipped { symbol: symbol.to_owned(), reason: reason.into() }
}
