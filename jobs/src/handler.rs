//! How a kind runs: its policy, its handler, and what becomes of its row when it ends
//! without the handler's own word.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    environment::Environment,
    job::Job,
    queue::{Backoff, Context, Ending, JobError, Probe, ProbeContext, Resolved},
};

/// When an attempt is given up, and when the job is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// The wait after each failure.
    pub backoff: Backoff,
    /// Failures after which the job is discarded.
    pub max_failures: i32,
    /// The longest that one attempt may take; then it counts as a failure.
    pub timeout: Duration,
}

/// What a handler that succeeded reports.
#[derive(Debug)]
pub(crate) enum Success {
    /// Finished; the queue records the output.
    Output(Value),
    /// Finished inside the handler's own transaction by [`Context::complete_in`].
    Recorded,
}

/// The work of one kind: read, act, record - and safe to repeat.
pub(crate) trait Handler: Job {
    /// The kind's retry policy and deadline.
    const POLICY: Policy;

    /// Runs one attempt.
    fn run(
        self,
        ctx: Context,
        env: Arc<Environment>,
    ) -> impl Future<Output = Result<Success, JobError>> + Send;

    /// The wait between two looks at an indeterminate job, for kinds that can find out whether its
    /// effect happened; `None`: only an operator can tell.
    const PROBE: Option<Backoff> = None;

    /// Finds out whether the effect of an indeterminate attempt happened. It only looks: it may be
    /// asked again, also while an earlier look goes on. An error says no more than "still unknown".
    fn probe(
        self,
        ctx: ProbeContext,
        env: Arc<Environment>,
    ) -> impl Future<Output = Result<Probe, JobError>> + Send {
        let _ = (ctx, env);
        async { Ok(Probe::StillUnknown { retry_in: None }) }
    }

    /// Records, in the transaction that decides it, what somebody else made of the job: it counts
    /// as done, or runs again after [`abandoned`](Self::abandoned).
    fn resolved(
        self,
        conn: &mut PgConnection,
        resolved: &Resolved,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        let _ = (conn, resolved);
        async { Ok(()) }
    }

    /// Records, in the transaction that ends the job, that its handler will not run again.
    fn abandoned(
        self,
        conn: &mut PgConnection,
        ending: &Ending,
    ) -> impl Future<Output = sqlx::Result<()>> + Send {
        let _ = (conn, ending);
        async { Ok(()) }
    }
}
