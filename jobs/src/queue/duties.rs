//! What a worker process does besides running jobs: renew, watch, promote, rescue, tidy.
//!
//! Each duty is a loop that outlives every outage of the database.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::{
    admit,
    controls::{self, Control},
    counters::Counters,
    lease::Leases,
    listener::Wakers,
    promote, rescue,
    transient::passes,
};
use crate::{environment::Environment, registry::Registry};

/// How this process appears in `queue.workers`.
#[derive(Debug, Clone)]
pub(super) struct Presence {
    pub(super) worker_id: Uuid,
    pub(super) queues: Vec<(String, usize)>,
    pub(super) kinds: Vec<String>,
}

/// Runs a duty's statement under a limit; a failure is noted and tried at the next turn.
pub(super) async fn bounded<T>(
    what: &str,
    limit: Duration,
    work: impl Future<Output = sqlx::Result<T>>,
) -> Option<T> {
    match timeout(limit, work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) if passes(&error) => {
            debug!(%error, "could not {what}; trying again");
            None
        }
        Ok(Err(error)) => {
            warn!(%error, "the database refuses to {what}; trying again");
            None
        }
        Err(_) => {
            warn!("no answer to {what} within {limit:?}; trying again");
            None
        }
    }
}

/// Waits until the database answers and says so meanwhile.
pub(super) async fn wait_for_database(pool: &PgPool) {
    let mut told: Option<Instant> = None;
    loop {
        let answer = sqlx::query_scalar!(r#"select to_regclass('queue.jobs') is not null as "ready!""#);
        let problem = match timeout(Duration::from_secs(5), answer.fetch_one(pool)).await {
            Ok(Ok(true)) => break,
            Ok(Ok(false)) => "it has no queue yet: run `capstan migrate`".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer within 5 s".to_owned(),
        };
        if told.is_none_or(|at| at.elapsed() > Duration::from_secs(5)) {
            warn!("waiting for the database: {problem}");
            told = Some(Instant::now());
        }
        sleep(Duration::from_millis(250)).await;
    }
    if told.is_some() {
        info!("the database is there");
    }
}

/// Renews leases three times as often as they expire.
pub(super) async fn keep_leases(vital: PgPool, leases: Arc<Leases>, length: Duration) {
    let every = length / 3;
    let mut turn = interval(every);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        // Half a turn: a second try fits into the lease before it expires.
        let renewed = bounded("renew leases", every / 2, leases.renew(&vital)).await.is_some();
        leases.note_renewal(renewed);
        leases.expire();
    }
}

/// Keeps this worker on the list.
pub(super) async fn be_seen(pool: PgPool, presence: Presence, every: Duration) {
    let mut turn = interval(every);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        bounded("show this worker", every, show(&pool, &presence)).await;
    }
}

async fn show(pool: &PgPool, presence: &Presence) -> sqlx::Result<()> {
    let queues: serde_json::Map<String, serde_json::Value> =
        presence.queues.iter().map(|(name, slots)| (name.clone(), (*slots).into())).collect();
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map_or_else(|| "unknown".into(), |name| name.trim().to_owned());
    sqlx::query!(
        "with known as (
             insert into queue.builds (worker_id, host, pid, build) values ($1, $2, $3, $4)
             on conflict (worker_id) do nothing)
         insert into queue.workers (worker_id, host, pid, build, queues, kinds)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (worker_id) do update set seen_at = clock_timestamp()",
        presence.worker_id,
        host,
        i32::try_from(std::process::id()).unwrap_or_default(),
        env!("CARGO_PKG_VERSION"),
        serde_json::Value::Object(queues),
        &presence.kinds,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes this worker off the list.
pub(super) async fn hide(pool: &PgPool, worker_id: Uuid) {
    let gone = sqlx::query!("delete from queue.workers where worker_id = $1", worker_id).execute(pool);
    bounded("sign off", Duration::from_secs(1), gone).await;
}

/// Passes cancellations on to running attempts: at a hint, and by polling.
pub(super) async fn watch_cancels(env: Arc<Environment>, leases: Arc<Leases>, wakers: Wakers) {
    let poll = Duration::from_millis(env.config.queue.cancel_poll_ms);
    loop {
        tokio::select! {
            () = wakers.cancels.notified() => {}
            () = sleep(poll) => {}
        }
        bounded("look for cancellations", Duration::from_secs(5), leases.watch_cancels(&env.pool)).await;
    }
}

/// Makes due jobs available when they are due.
pub(super) async fn promote_due(env: Arc<Environment>, wakers: Wakers, put_back: Arc<Notify>) {
    let poll = Duration::from_millis(env.config.queue.poll_interval_ms);
    loop {
        let found = bounded("promote due jobs", Duration::from_secs(5), promote::promote(&env.pool)).await;
        let wait = found.map_or(poll, |promotion| {
            for queue in &promotion.queues {
                wakers.wake(queue);
                env.hints.jobs(queue);
            }
            if promotion.full { Duration::ZERO } else { promotion.next.unwrap_or(poll).min(poll) }
        });
        tokio::select! {
            () = sleep(wait) => {}
            () = put_back.notified() => {}
        }
    }
}

/// Lets blocked jobs run when what they wait for is over: when told so, and by polling.
pub(super) async fn admit_blocked(env: Arc<Environment>, wakers: Wakers, gates: Arc<Notify>) {
    let poll = Duration::from_millis(env.config.queue.poll_interval_ms);
    loop {
        tokio::select! {
            () = gates.notified() => {}
            () = wakers.admissions.notified() => {}
            () = sleep(poll) => {}
        }
        let limit = Duration::from_secs(10);
        if bounded("look for blocked jobs", limit, admit::any_blocked(&env.pool)).await != Some(true) {
            continue;
        }
        for queue in bounded("admit blocked jobs", limit, admit::admit(&env.pool)).await.unwrap_or_default() {
            wakers.wake(&queue);
            env.hints.jobs(&queue);
        }
    }
}

/// Follows what operators set.
pub(super) async fn follow_controls(pool: PgPool, controls: BTreeMap<String, Arc<Control>>) {
    let mut turn = interval(Duration::from_secs(1));
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        bounded("follow the operators", Duration::from_secs(5), controls::follow(&pool, &controls)).await;
    }
}

/// Takes back attempts whose worker vanished.
pub(super) async fn rescue_lost(
    env: Arc<Environment>,
    registry: Registry,
    leases: Arc<Leases>,
    wakers: Wakers,
    counters: Arc<Counters>,
) {
    let settings = &env.config.queue;
    let mut turn = interval(Duration::from_millis(settings.rescue_interval_ms));
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        if !leases.steady() {
            continue;
        }
        let rescuer = rescue::Rescuer {
            pool: &env.pool,
            crash_budget: settings.crash_budget,
            registry: &registry,
            holdings: leases.holdings(),
        };
        let work = rescue::rescue(&rescuer);
        if let Some(rescued @ 1..) = bounded("rescue jobs", Duration::from_secs(20), work).await {
            counters.rescued(rescued);
            wakers.wake_all();
        }
    }
}
