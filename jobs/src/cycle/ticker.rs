//! The clock of agents: the duty of the `cycles` role.
//!
//! A cycle is enqueued in the transaction that moves its agent on, so neither a crash nor a second
//! leader makes a tick twice.

use std::{sync::Arc, time::Duration};

use sqlx::Connection;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};
use uuid::Uuid;

use super::QUEUE;
use crate::{
    db::agents,
    environment::Environment,
    kinds::run_cycle::RunCycle,
    queue::{Enqueue, Term, TermError, enqueue},
};

/// How often agents are looked at.
const EVERY: Duration = Duration::from_millis(500);
/// Longer than this no look takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Agents of one look.
const AT_ONCE: i64 = 100;
/// A cycle that nobody began within this, or its interval, is left to the next one.
pub(super) const SHELF_LIFE: Duration = Duration::from_mins(1);

/// Enqueues due cycles until the leadership ends.
pub(crate) async fn lead(env: Arc<Environment>, term: Term) {
    loop {
        match timeout(PATIENCE, look(&env, &term)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(_)) => env.hints.jobs(QUEUE),
            Ok(Err(TermError::Over(number))) => {
                warn!(term = number, "this clock's term is over");
                return;
            }
            Ok(Err(TermError::Database(error))) => debug!(%error, "could not look at the agents"),
            Err(_) => debug!("no answer when looking at the agents"),
        }
        sleep(EVERY).await;
    }
}

/// Enqueues a cycle of each agent that is due, unless one is at work; returns how many.
async fn look(env: &Environment, term: &Term) -> Result<usize, TermError> {
    let mut conn = env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    term.assert(&mut tx).await?;
    let mut enqueued = 0;
    for due in agents::due(&mut tx, AT_ONCE).await? {
        if !due.busy {
            let interval = Duration::from_secs(u64::try_from(due.interval_s).unwrap_or_default());
            let options = Enqueue::default()
                .not_after(SHELF_LIFE.max(interval) + super::LATE)
                .tag(format!("user:{}", due.user_id))
                .trace_id(Uuid::new_v4().simple().to_string());
            let job = RunCycle { user_id: due.user_id, tick: due.tick };
            let done = enqueue(&mut tx, &job, options).await.map_err(|error| match error {
                crate::queue::EnqueueError::Database(error) => TermError::Database(error),
                other => TermError::Database(sqlx::Error::Protocol(other.to_string())),
            })?;
            enqueued += usize::from(done.inserted);
        }
        agents::move_on(&mut tx, &due).await?;
    }
    tx.commit().await?;
    Ok(enqueued)
}
