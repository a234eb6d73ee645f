//! The broker's stream of order events, and the clock of reconciliation: the duty of the
//! `trade_stream` role.
//!
//! The stream has no replay, so after every connection the orders are read once: what happened
//! while nobody listened comes that way. Events are applied like any other news; one that can't be
//! recorded ends the connection, and the reading after the next one makes up for it.

pub(crate) mod catch_up;
mod events;

use std::{sync::Arc, time::Duration};

use rand::Rng;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::{
    broker::{Broker, StreamError, TradeStream},
    db::reconciliations::Trigger,
    environment::Environment,
    kinds::reconcile_positions::ReconcilePositions,
    queue::{Enqueue, Term, TermError, enqueue},
    trading,
};

/// How often books are compared.
const RECONCILE_EVERY: Duration = Duration::from_secs(45);
/// The first wait before another connection, and the longest; each failure doubles it.
const WAITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// A key that is refused is looked at again after this.
const REFUSED: Duration = Duration::from_mins(1);
/// A connection that lasts for so long was a good one; what fails sooner counts as one more failure.
const GOOD: Duration = Duration::from_secs(30);
/// Longer than this no connection takes.
const CONNECTING: Duration = Duration::from_secs(15);

/// Why a connection was left.
enum Left {
    /// The term is over: another leads.
    Over,
    /// The connection is gone, or what came over it could not be recorded.
    Lost(String),
    /// The broker does not accept the key.
    Refused,
}

impl From<TermError> for Left {
    fn from(error: TermError) -> Self {
        match error {
            TermError::Over(_) => Self::Over,
            TermError::Database(error) => Self::Lost(error.to_string()),
        }
    }
}

impl From<sqlx::Error> for Left {
    fn from(error: sqlx::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Listens and reconciles until the leadership ends.
pub(crate) async fn lead(env: Arc<Environment>, term: Term) {
    let Some(broker) = env.broker.clone() else { return std::future::pending().await };
    tokio::select! {
        () = listen(&env, broker.as_ref(), &term) => {}
        () = keep_time(&env, &term) => {}
    }
}

async fn listen(env: &Environment, broker: &dyn Broker, term: &Term) {
    let mut failures = 0_u32;
    loop {
        let begun = Instant::now();
        let connected = match timeout(CONNECTING, broker.trade_updates()).await {
            Ok(connected) => connected,
            Err(_) => Err(StreamError::NotConnected { reason: format!("no answer within {CONNECTING:?}") }),
        };
        let left = match connected {
            Ok(mut stream) => {
                info!("listening to the broker's order events");
                let left = follow(env, broker, term, stream.as_mut()).await;
                match left {
                    Err(left) => left,
                    Ok(never) => match never {},
                }
            }
            Err(StreamError::Unauthorized) => Left::Refused,
            Err(error) => Left::Lost(error.to_string()),
        };
        if begun.elapsed() >= GOOD {
            failures = 0;
        }
        let wait = match left {
            Left::Over => return,
            Left::Refused => {
                error!("the broker refuses the key of its stream of order events");
                REFUSED
            }
            Left::Lost(reason) => {
                warn!("the broker's order events are interrupted: {reason}");
                pause(failures)
            }
        };
        failures = failures.saturating_add(1);
        sleep(wait).await;
    }
}

/// Returns the wait after `failures` failures in a row: doubling, capped, with full jitter above
/// half.
fn pause(failures: u32) -> Duration {
    let ceiling = WAITS.0.saturating_mul(1 << failures.min(10)).min(WAITS.1);
    ceiling.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Reads what happened before, then applies events as they come.
async fn follow(
    env: &Environment,
    broker: &dyn Broker,
    term: &Term,
    stream: &mut dyn TradeStream,
) -> Result<std::convert::Infallible, Left> {
    let missed = catch_up::read(&env.pool, broker).await.map_err(|error| Left::Lost(error.to_string()))?;
    for order in &missed {
        let mut tx = env.pool.begin().await?;
        term.assert(&mut tx).await?;
        catch_up::apply(&mut tx, order).await?;
        tx.commit().await?;
    }
    env.hints.events();
    loop {
        match stream.next().await {
            Ok(event) => events::apply(env, term, &event).await?,
            Err(StreamError::Malformed { reason }) => {
                warn!("an order event was dropped, it makes no sense: {reason}");
            }
            Err(StreamError::Unauthorized) => return Err(Left::Refused),
            Err(error) => return Err(Left::Lost(error.to_string())),
        }
    }
}

/// Enqueues a comparison of the books at every turn, unless one is at work.
async fn keep_time(env: &Environment, term: &Term) {
    let mut turn = interval(RECONCILE_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        match enqueue_turn(env, term).await {
            Ok(()) => env.hints.jobs(trading::QUEUE),
            Err(Left::Over) => return,
            Err(Left::Lost(reason)) => debug!("could not enqueue a reconciliation: {reason}"),
            Err(Left::Refused) => {}
        }
    }
}

async fn enqueue_turn(env: &Environment, term: &Term) -> Result<(), Left> {
    let mut tx = env.pool.begin().await?;
    term.assert(&mut tx).await?;
    let job = ReconcilePositions { trigger: Trigger::Schedule, user_id: None };
    // One that nobody ran by the next turn is replaced by the next one.
    let options = Enqueue::default().not_after(RECONCILE_EVERY);
    enqueue(&mut tx, &job, options).await.map_err(|error| Left::Lost(error.to_string()))?;
    tx.commit().await?;
    Ok(())
}
