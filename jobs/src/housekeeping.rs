//! What no request waits for: rows past their time are removed, and the universe is looked at once
//! a day; in every worker process, harmlessly at once.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, warn};

use crate::{
    Environment, Job,
    db::{self, retention::Record},
    kinds::sync_universe::SyncUniverse,
    queue::{Enqueue, EnqueueError, enqueue},
};

const EVERY: Duration = Duration::from_mins(10);
/// Longer than any client's absence that a resumed stream should bridge.
const EVENTS_KEPT: chrono::Duration = chrono::Duration::days(7);
const EVENTS_PAGE: i64 = 10_000;
/// How long what agents and models leave behind is useful to look at; what they cost is budgeted by
/// the day.
const TRACES_KEPT: chrono::Duration = chrono::Duration::days(30);
/// Much longer than the days for which news say anything about a symbol.
const NEWS_KEPT: chrono::Duration = chrono::Duration::days(90);
/// For decisions that never had an order; with one they explain it, and stay as long as it does.
const DECISIONS_KEPT: chrono::Duration = chrono::Duration::days(180);
const RECORDS_PAGE: i64 = 1000;
/// Of what other tables refer to without an index: each row costs a look through those.
const REFERRED_PAGE: i64 = 100;
/// What is deleted when, and how many at once: each page is a transaction of its own, so that a
/// sweep that runs out of time leaves less to the next one.
const RECORDS: [(Record, chrono::Duration, i64); 6] = [
    (Record::LlmCall, TRACES_KEPT, RECORDS_PAGE),
    (Record::Sentiment, TRACES_KEPT, RECORDS_PAGE),
    (Record::FusedAnalysis, TRACES_KEPT, RECORDS_PAGE),
    (Record::News, NEWS_KEPT, RECORDS_PAGE),
    (Record::Cycle, TRACES_KEPT, REFERRED_PAGE),
    (Record::Decision, DECISIONS_KEPT, REFERRED_PAGE),
];
/// After so many hours the universe is looked at again.
const UNIVERSE_HOURS: i32 = 24;

/// Removes what has expired, every ten minutes, until it is dropped.
pub async fn run(env: Arc<Environment>) {
    let mut turn = interval(EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        match timeout(Duration::from_mins(1), sweep(&env)).await {
            Ok(Ok(removed)) => debug!(removed, "removed {removed} expired rows"),
            Ok(Err(error)) => warn!(%error, "could not remove expired rows; trying again later"),
            Err(_) => warn!("removing expired rows took too long; trying again later"),
        }
        match timeout(Duration::from_secs(10), look_at_universe(&env)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "could not ask for a look at the universe; trying again later"),
            Err(_) => warn!("asking for a look at the universe took too long; trying again later"),
        }
    }
}

/// Removes expired sessions, forgotten sign-in failures, old events, and what agents, models and
/// the news left long ago; returns how many rows.
pub async fn sweep(env: &Environment) -> sqlx::Result<u64> {
    let mut conn = env.pool.acquire().await?;
    let mut removed = db::sessions::sweep(&mut conn, env.config.api.session_idle_hours).await?;
    removed += db::sign_ins::sweep(&mut conn, env.config.auth.forget_after_s).await?;
    loop {
        let page = db::events::prune(&mut conn, Utc::now() - EVENTS_KEPT, EVENTS_PAGE).await?;
        removed += page;
        if page < EVENTS_PAGE.unsigned_abs() {
            break;
        }
    }
    for (record, kept, limit) in RECORDS {
        loop {
            let page = db::retention::prune(&mut conn, record, Utc::now() - kept, limit).await?;
            removed += page;
            if page < limit.unsigned_abs() {
                break;
            }
        }
    }
    Ok(removed)
}

/// Enqueues a look at the universe when the last one is a day old, and one that waits or runs is
/// not repeated; only where its queue is served.
async fn look_at_universe(env: &Environment) -> Result<(), EnqueueError> {
    if !env.config.worker.queues.contains_key(SyncUniverse::QUEUE) {
        return Ok(());
    }
    let mut conn = env.pool.acquire().await?;
    if db::universe::is_due(&mut conn, UNIVERSE_HOURS).await? {
        enqueue(&mut conn, &SyncUniverse::default(), Enqueue::default()).await?;
        env.hints.jobs(SyncUniverse::QUEUE);
    }
    Ok(())
}
