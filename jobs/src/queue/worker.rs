//! A worker process: its tasks, its apalis workers, its two ways to stop.
//!
//! Soft stop: claim nothing more, let running attempts finish. Hard stop, when the grace is
//! over: interrupt them and give them back. Leases are renewed until the last outcome is
//! committed.

use std::{sync::Arc, time::Duration};

use apalis_core::{monitor::Monitor, worker::builder::WorkerBuilder};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    backend::{Acknowledge, PgBackend, RunAttempt},
    counters::Counters,
    dispatch::Dispatcher,
    duties::{
        Presence, hide, keep_house, keep_leases, promote_due, rescue_lost, wait_for_database, watch_cancels,
    },
    fetcher::Fetcher,
    flusher::Flusher,
    hand::Hand,
    lease::{Interruption, Leases},
    listener::{Wakers, listen},
};
use crate::{environment::Environment, registry::Registry};

/// What a worker process runs.
#[derive(Debug, Clone, Default)]
pub struct WorkerOptions {
    /// The queues to serve and the slots of each; empty: those of the settings.
    pub queues: Vec<(String, usize)>,
}

/// Why a worker could not run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// apalis gave up a worker, which our backend never makes it do.
    #[error("a worker ended: {0}")]
    Monitor(String),
}

/// Runs a worker until `shutdown`, then stops it softly, then hard.
///
/// A missing database is waited for, never an error.
pub async fn run(
    env: Arc<Environment>,
    registry: Registry,
    options: WorkerOptions,
    counters: Arc<Counters>,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let settings = env.config.queue.clone();
    let queues = if options.queues.is_empty() {
        env.config.worker.queues.clone().into_iter().collect()
    } else {
        options.queues
    };
    tokio::select! {
        () = wait_for_database(&env.pool) => {}
        () = shutdown.cancelled() => return Ok(()),
    }
    let worker_id = Uuid::new_v4();
    let leases = Arc::new(Leases::new(worker_id, settings.lease(), counters.clone()));
    let wakers = Wakers::new(queues.iter().map(|(name, _)| name));
    let put_back = Arc::new(Notify::new());

    let (reports, flushing) = Flusher {
        pool: env.pool.clone(),
        hints: env.hints.clone(),
        leases: leases.clone(),
        counters: counters.clone(),
        registry: registry.clone(),
        settings: settings.clone(),
        put_back: put_back.clone(),
    }
    .start();
    let acknowledge = Acknowledge { reports, leases: leases.clone() };
    let dispatcher = Dispatcher { env: env.clone(), registry: registry.clone(), counters: counters.clone() };

    let presence = Presence { worker_id, queues: queues.clone(), kinds: registry.kinds() };
    let mut chores = JoinSet::new();
    chores.spawn(listen(env.pool.clone(), wakers.clone()));
    chores.spawn(keep_leases(env.clone(), leases.clone(), presence));
    chores.spawn(watch_cancels(env.clone(), leases.clone(), wakers.clone()));
    chores.spawn(promote_due(env.clone(), wakers.clone(), put_back));
    chores.spawn(rescue_lost(env.clone(), registry.clone(), wakers.clone(), counters.clone()));
    chores.spawn(keep_house(env.pool.clone()));

    let mut fetching = JoinSet::new();
    let mut monitor = Monitor::new();
    for (queue, slots) in &queues {
        let hand = Arc::new(Hand::new(*slots, settings.claim_batch));
        let (assignments, receiver) = mpsc::channel(hand.capacity());
        fetching.spawn(
            Fetcher {
                env: env.clone(),
                queue: queue.clone(),
                hand,
                kinds: registry.kinds(),
                worker_id,
                leases: leases.clone(),
                counters: counters.clone(),
                wakers: wakers.clone(),
                assignments,
                acknowledge: acknowledge.clone(),
                shutdown: shutdown.clone(),
            }
            .run(),
        );
        monitor = register(monitor, queue, receiver, &acknowledge, &dispatcher);
    }
    drop(acknowledge);
    info!(worker.id = %worker_id, "worker {worker_id} serves {queues:?}");

    let stop = {
        let (shutdown, leases, grace) = (shutdown.clone(), leases.clone(), env.config.worker.grace_ms);
        tokio::spawn(async move {
            shutdown.cancelled().await;
            info!("stopping: no new jobs, {} running", leases.running());
            sleep(Duration::from_millis(grace)).await;
            leases.interrupt_all(&Interruption::Shutdown);
        })
    };
    let ran = monitor.run_with_signal(async move {
        shutdown.cancelled().await;
        Ok(())
    });
    let ran = ran.await.map_err(|error| WorkerError::Monitor(error.to_string()));
    stop.abort();
    // Not aborted: a claim under way must be given back, not forgotten.
    while fetching.join_next().await.is_some() {}
    // Every sender of reports is gone with the workers: the flusher commits the rest and ends.
    if timeout(Duration::from_secs(5), flushing).await.is_err() {
        warn!("some outcomes could not be committed; their leases will expire");
    }
    chores.shutdown().await;
    hide(&env.pool, worker_id).await;
    info!(worker.id = %worker_id, "worker {worker_id} has stopped");
    ran
}

fn register(
    monitor: Monitor,
    queue: &str,
    receiver: mpsc::Receiver<super::backend::Assignment>,
    acknowledge: &Acknowledge,
    dispatcher: &Dispatcher,
) -> Monitor {
    let backend = PgBackend { assignments: receiver, acknowledge: acknowledge.clone(), closing: None };
    // apalis asks for a factory, to restart a worker that failed; ours can't fail, so it is
    // asked once.
    let backend = std::sync::Mutex::new(Some(backend));
    let (queue, dispatcher) = (queue.to_owned(), dispatcher.clone());
    monitor.register(move |_| {
        let backend = backend
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
            .expect("a backend that returns no error is built once");
        WorkerBuilder::new(queue.as_str())
            .backend(backend)
            .build(RunAttempt { dispatcher: dispatcher.clone() })
    })
}
