//! A worker process: its tasks, its apalis workers, its two ways to stop.
//!
//! Soft stop: claim nothing more, let running attempts finish. Hard stop, when the grace is
//! over: interrupt them and give them back. Leases are renewed until the last outcome is
//! committed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apalis::prelude::{Monitor, WorkerBuilder};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{
    backend::{Acknowledge, PgBackend, RunAttempt},
    controls::Control,
    counters::Counters,
    dispatch::Dispatcher,
    duties::{
        Presence, admit_blocked, be_seen, follow_controls, hide, keep_leases, promote_due, rescue_lost,
        wait_for_database, watch_cancels,
    },
    fetcher::Fetcher,
    flusher::Flusher,
    hand::Hand,
    leader::{Term, stand},
    lease::{Interruption, Leases},
    listener::{Wakers, listen},
    maintenance,
    probe::Prober,
    scheduler,
};
use crate::{connector, cycle, environment::Environment, registry::Registry, trade_stream};

/// The most slots that an operator can give a queue of one process (the check of `queue.queues`).
const MOST_SLOTS: usize = 10_000;

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
    /// One of the loops that keep the queue's promises ended.
    #[error("a duty of the worker failed: {0}")]
    Duty(String),
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
    if let Err(error) = maintenance::partitions_ahead(&env.pool).await {
        warn!(%error, "could not make the partitions of these days; the default ones take their rows");
    }
    let vital = vital_pool(&env.pool);
    // A duty that ends has failed, and without it the process must not go on.
    let shutdown = shutdown.child_token();
    let worker_id = Uuid::new_v4();
    let leases = Arc::new(Leases::new(worker_id, settings.lease(), counters.clone()));
    let wakers = Wakers::new(queues.iter().map(|(name, _)| name));
    let (put_back, gates) = (Arc::new(Notify::new()), Arc::new(Notify::new()));

    let (reports, flushing) = Flusher {
        pool: vital.clone(),
        hints: env.hints.clone(),
        leases: leases.clone(),
        counters: counters.clone(),
        registry: registry.clone(),
        settings: settings.clone(),
        put_back: put_back.clone(),
        gates: gates.clone(),
    }
    .start();
    let acknowledge = Acknowledge { reports, leases: leases.clone() };
    let dispatcher = Dispatcher { env: env.clone(), registry: registry.clone(), counters: counters.clone() };

    let presence = Presence { worker_id, queues: queues.clone(), kinds: registry.kinds() };
    let mut chores = JoinSet::new();
    chores.spawn(listen(env.direct.clone(), wakers.clone()));
    chores.spawn(keep_leases(vital.clone(), leases.clone(), settings.lease()));
    chores.spawn(be_seen(env.pool.clone(), presence, settings.lease() / 3));
    chores.spawn(watch_cancels(env.clone(), leases.clone(), wakers.clone()));
    let prober = Prober {
        env: env.clone(),
        registry: registry.clone(),
        put_back: put_back.clone(),
        gates: gates.clone(),
    };
    chores.spawn(prober.run());
    chores.spawn(promote_due(env.clone(), wakers.clone(), put_back));
    chores.spawn(admit_blocked(env.clone(), wakers.clone(), gates));
    chores.spawn(rescue_lost(
        env.clone(),
        registry.clone(),
        leases.clone(),
        wakers.clone(),
        counters.clone(),
    ));
    let mut offices = JoinSet::new();
    stand_for_offices(&mut offices, &env, worker_id, &shutdown);

    let mut controls = BTreeMap::new();
    let mut fetching = JoinSet::new();
    let mut monitor = Monitor::new();
    for (queue, slots) in &queues {
        let hand = Arc::new(Hand::new(*slots, settings.claim_batch));
        counters.slots(queue, *slots);
        let control = Arc::new(Control::new(hand.clone(), *slots, counters.clone()));
        controls.insert(queue.clone(), control.clone());
        // As long as the largest hand can ever be: the fetcher never waits to put a job in.
        let (assignments, receiver) = mpsc::channel(MOST_SLOTS + 2 * settings.claim_batch);
        fetching.spawn(
            Fetcher {
                env: env.clone(),
                queue: queue.clone(),
                hand,
                control,
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
    chores.spawn(follow_controls(env.pool.clone(), controls));
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
    let signal = shutdown.clone();
    let mut running = Box::pin(monitor.run_with_signal(async move {
        signal.cancelled().await;
        Ok(())
    }));
    let ran = tokio::select! {
        ran = &mut running => ran.map_err(|error| WorkerError::Monitor(error.to_string())),
        ended = chores.join_next() => {
            let why = ended.map_or_else(String::new, |ended| format!("{ended:?}"));
            error!("a duty of this worker has failed, so it stops: {why}");
            shutdown.cancel();
            let _ = running.await;
            Err(WorkerError::Duty(why))
        }
    };
    stop.abort();
    // Not aborted: a claim under way must be given back, not forgotten.
    while fetching.join_next().await.is_some() {}
    // Every sender of reports is gone with the workers: the flusher commits the rest and ends.
    if timeout(Duration::from_secs(5), flushing).await.is_err() {
        warn!("some outcomes could not be committed; their leases will expire");
    }
    // They end by themselves at the shutdown, and free their locks.
    while offices.join_next().await.is_some() {}
    chores.shutdown().await;
    hide(&env.pool, worker_id).await;
    info!(worker.id = %worker_id, "worker {worker_id} has stopped");
    ran
}

/// Returns a small pool of its own for renewals and outcomes: handlers that use up theirs must
/// not cost anybody a lease.
fn vital_pool(pool: &PgPool) -> PgPool {
    PgPoolOptions::new()
        .max_connections(3)
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy_with((*pool.connect_options()).clone())
}

/// Every worker is a candidate for every role.
fn stand_for_offices(
    offices: &mut JoinSet<()>,
    env: &Arc<Environment>,
    worker_id: Uuid,
    shutdown: &CancellationToken,
) {
    let (pool, hints) = (env.pool.clone(), env.hints.clone());
    let surroundings = env.clone();
    let scheduling = move |term: Term| {
        let schedules = scheduler::lead(pool.clone(), hints.clone(), term.clone());
        let probes = connector::clock::keep_time(surroundings.clone(), term);
        async {
            tokio::select! {
                () = schedules => {}
                () = probes => {}
            }
        }
    };
    offices.spawn(stand(env.direct.clone(), "scheduler", worker_id, shutdown.clone(), scheduling));
    let (pool, days) = (env.pool.clone(), env.config.queue.retention_days);
    let maintaining = move |term| maintenance::lead(pool.clone(), term, days);
    offices.spawn(stand(env.direct.clone(), "maintenance", worker_id, shutdown.clone(), maintaining));
    let surroundings = env.clone();
    let ticking = move |term| cycle::lead(surroundings.clone(), term);
    offices.spawn(stand(env.direct.clone(), "cycles", worker_id, shutdown.clone(), ticking));
    if env.broker.is_some() {
        let surroundings = env.clone();
        let listening = move |term| trade_stream::lead(surroundings.clone(), term);
        offices.spawn(stand(env.direct.clone(), "trade_stream", worker_id, shutdown.clone(), listening));
    }
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
