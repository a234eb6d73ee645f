//! A kind that does as it is told: for tests, fault drills and benches of the queue itself.
//!
//! Registered only where `worker.exercise` is on.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use tokio::time::sleep;

use crate::{
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError, LogLevel, Probe, ProbeContext},
};

/// What the attempt shall do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "act")]
pub enum Act {
    /// Succeed at once.
    #[default]
    Succeed,
    /// Fail retryably in the first `times` attempts, then succeed.
    Fail {
        /// Attempts that fail.
        times: i32,
    },
    /// Fail for good.
    Refuse,
    /// Panic in the first `times` attempts, then succeed.
    Panic {
        /// Attempts that panic.
        times: i32,
    },
    /// Snooze in the first `times` attempts, then succeed.
    Snooze {
        /// Attempts that snooze.
        times: i32,
        /// How long, each time.
        ms: u64,
    },
    /// Work for `ms`, stopping when asked to, with progress.
    Work {
        /// How long.
        ms: u64,
    },
    /// Kill the process that runs it.
    Crash,
    /// Finish inside the handler's own transaction.
    CompleteInside,
    /// End with an unknown effect in the first attempt, then succeed.
    Unsure,
    /// End with an unknown effect in the first `times` attempts, then succeed. The look after
    /// `looks` fruitless ones finds out that it happened, or not. A look takes `deaf_ms` too.
    Doubt {
        /// Attempts that end so.
        times: i32,
        /// Looks at each of them that find nothing out.
        looks: i32,
        /// What the next one finds.
        happened: bool,
    },
    /// Do `of` durable steps, and fail after the first `then_fail` of them in the first attempt.
    /// The output says in which attempt each step was done.
    Steps {
        /// Steps in all.
        of: u32,
        /// Steps done before the first attempt fails.
        then_fail: u32,
    },
    /// Log this many lines.
    Log {
        /// How many.
        lines: u32,
    },
    /// Succeed with an output that Postgres can't store as it is.
    OutputNul,
}

/// The payload.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Exercise {
    /// What to do.
    #[serde(flatten)]
    pub act: Act,
    /// First sleep this long, deaf to every request to stop.
    #[serde(default)]
    pub deaf_ms: u64,
    /// At most one unfinished job a key.
    #[serde(default)]
    pub unique: Option<String>,
}

impl Job for Exercise {
    const KIND: &'static str = "exercise";

    fn unique_key(&self) -> Option<String> {
        self.unique.clone()
    }
}

impl Handler for Exercise {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1) },
        max_failures: 5,
        timeout: Duration::from_secs(30),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let attempt = ctx.attempt();
        sleep(Duration::from_millis(self.deaf_ms)).await;
        match self.act {
            Act::Fail { times } if attempt <= times => {
                return Err(JobError::retryable("EXERCISE", format!("failing attempt {attempt} of {times}")));
            }
            Act::Refuse => return Err(JobError::fatal("EXERCISE", "refusing as told")),
            Act::Panic { times } if attempt <= times => panic!("panicking in attempt {attempt} of {times}"),
            Act::Snooze { times, ms } if attempt <= times => {
                return Err(JobError::Snooze(Duration::from_millis(ms)));
            }
            Act::Work { ms } => work(&ctx, ms).await?,
            Act::Unsure if attempt == 1 => {
                return Err(JobError::indeterminate("EXERCISE", "nobody knows, as told"));
            }
            Act::Doubt { times, .. } if attempt <= times => {
                return Err(JobError::indeterminate(
                    "EXERCISE",
                    format!("attempt {attempt} in doubt, as told"),
                ));
            }
            Act::Steps { of, then_fail } => {
                let mut done_in = Vec::new();
                for step in 0..of {
                    if attempt == 1 && step == then_fail {
                        return Err(JobError::retryable("EXERCISE", format!("failing before step {step}")));
                    }
                    done_in.push(ctx.step(&format!("step {step}"), async || Ok(attempt)).await?);
                }
                return Ok(Success::Output(json!({ "done_in": done_in })));
            }
            Act::Log { lines } => {
                for line in 0..lines {
                    ctx.log(LogLevel::Info, &format!("line {line}")).await?;
                }
            }
            Act::Crash => std::process::abort(),
            Act::CompleteInside => {
                let mut conn = env.pool.acquire().await?;
                let mut tx = conn.begin().await?;
                ctx.hold(&mut tx).await?;
                let success = ctx.complete_in(&mut tx, json!({ "attempt": attempt })).await?;
                tx.commit().await?;
                return Ok(success);
            }
            Act::OutputNul => return Ok(Success::Output(json!({ "nul\0": ["\0"] }))),
            Act::Succeed
            | Act::Unsure
            | Act::Doubt { .. }
            | Act::Fail { .. }
            | Act::Panic { .. }
            | Act::Snooze { .. } => {}
        }
        Ok(Success::Output(json!({ "attempt": attempt })))
    }

    const PROBE: Option<Backoff> =
        Some(Backoff { base: Duration::from_millis(100), cap: Duration::from_millis(400) });

    async fn probe(self, ctx: ProbeContext, _: Arc<Environment>) -> Result<Probe, JobError> {
        sleep(Duration::from_millis(self.deaf_ms)).await;
        Ok(match self.act {
            Act::Doubt { looks, happened, .. } if ctx.probe() > looks && happened => {
                Probe::Happened(json!({ "attempt": ctx.attempt(), "probe": ctx.probe() }))
            }
            Act::Doubt { looks, .. } if ctx.probe() > looks => Probe::DidNotHappen,
            _ => Probe::StillUnknown { retry_in: None },
        })
    }
}

async fn work(ctx: &Context, ms: u64) -> Result<(), JobError> {
    let step = Duration::from_millis(50);
    let steps = (ms / 50).max(1);
    for done in 0..steps {
        tokio::select! {
            () = ctx.interrupted().cancelled() => return Err(JobError::Interrupted),
            () = sleep(step) => {}
        }
        let percent = u8::try_from((done + 1) * 100 / steps).unwrap_or(100);
        ctx.progress(percent, "working").await?;
    }
    Ok(())
}
