//! When connectors are probed: part of the duty of the `scheduler` role.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::debug;

use crate::{
    Job,
    environment::Environment,
    kinds::probe_connectors::ProbeConnectors,
    queue::{Enqueue, EnqueueError, Term, TermError, enqueue},
};

/// How often they are probed.
const EVERY: Duration = Duration::from_mins(1);
/// The longest that enqueueing may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
enum Missed {
    #[error(transparent)]
    Term(#[from] TermError),
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
}

/// Enqueues a probe at every turn until the term is over; without connectors, nothing ever.
pub(crate) async fn keep_time(env: Arc<Environment>, term: Term) {
    if !env.connectors.any() {
        return std::future::pending().await;
    }
    let mut turn = interval(EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        match timeout(PATIENCE, enqueue_turn(&env, &term)).await {
            Ok(Ok(())) => env.hints.jobs(ProbeConnectors::QUEUE),
            Ok(Err(Missed::Term(TermError::Over(_)))) => return,
            Ok(Err(error)) => debug!(%error, "could not enqueue a probe of the connectors"),
            Err(_) => debug!("no answer when enqueueing a probe of the connectors"),
        }
    }
}

async fn enqueue_turn(env: &Environment, term: &Term) -> Result<(), Missed> {
    let mut tx = env.pool.begin().await.map_err(TermError::from)?;
    term.assert(&mut tx).await?;
    // One that nobody ran by the next turn is replaced by the next one.
    enqueue(&mut tx, &ProbeConnectors {}, Enqueue::default().not_after(EVERY)).await?;
    tx.commit().await.map_err(TermError::from)?;
    Ok(())
}
