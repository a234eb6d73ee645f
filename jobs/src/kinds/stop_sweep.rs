//! Cancels what is left of a sweep that ended early: each job in a transaction of its own, so
//! that nobody waits for more than one.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use crate::{
    db::sweeps,
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, CancelOutcome, Context, JobError, settle},
};

/// The payload: the sweep, and what of it to leave alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopSweep {
    /// The sweep.
    pub sweep_id: Uuid,
    /// The part that ended it: an operator may still have to look at its job.
    #[serde(default)]
    pub but: Option<i32>,
}

impl Job for StopSweep {
    const KIND: &'static str = "stop_sweep";

    fn unique_key(&self) -> Option<String> {
        Some(self.sweep_id.to_string())
    }
}

impl Handler for StopSweep {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) },
        max_failures: 10,
        timeout: Duration::from_mins(5),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let mut conn = env.pool.acquire().await?;
        let jobs = sweeps::job_ids(&mut conn, self.sweep_id, self.but).await?;
        let (mut cancelled, mut asked) = (0_u32, 0_u32);
        for job_id in jobs {
            if ctx.interrupted().is_cancelled() {
                return Err(JobError::Interrupted);
            }
            let mut tx = conn.begin().await?;
            match settle::cancel(&mut tx, job_id, "the sweep has ended").await? {
                CancelOutcome::Cancelled => cancelled += 1,
                CancelOutcome::Requested => asked += 1,
                CancelOutcome::AlreadyFinished | CancelOutcome::Unknown => {}
            }
            tx.commit().await?;
        }
        env.hints.cancels();
        env.hints.events();
        Ok(Success::Output(json!({ "cancelled": cancelled, "asked": asked })))
    }
}
