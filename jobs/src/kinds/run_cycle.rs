//! Runs one cycle of a user's agent, see [`crate::cycle`].

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    cycle,
    db::{agents, cycles},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, EndState, Ending, JobError},
};

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunCycle {
    /// Whose agent.
    pub user_id: Uuid,
    /// When it was due: there is one cycle a tick.
    pub tick: DateTime<Utc>,
}

impl Job for RunCycle {
    const KIND: &'static str = "run_cycle";
    const QUEUE: &'static str = cycle::QUEUE;

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}", self.user_id, self.tick.timestamp_micros()))
    }
}

impl Handler for RunCycle {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(10) },
        max_failures: 3,
        timeout: Duration::from_mins(5),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        cycle::run(self, ctx, env).await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        // One that nobody resumed in time tells nothing about the agent.
        if ending.state == EndState::Expired {
            cycles::fail_tick(conn, self.user_id, self.tick, "it was not resumed in time").await?;
            return Ok(());
        }
        let error = format!("{}: {}", ending.class, ending.message);
        if cycles::fail_tick(conn, self.user_id, self.tick, &error).await? {
            agents::failed(conn, self.user_id, &error).await?;
        }
        Ok(())
    }
}
