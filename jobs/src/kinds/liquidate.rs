//! Ends everything that a user has: cancels every open order, then closes every position.
//!
//! Orders that only reduce a position are left to its close, which cancels them once it knows that it
//! may be sent: a liquidation that is refused leaves what is held protected.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::order::OrderStatus;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use crate::{
    db::{
        orders::{self, Origin},
        positions, risk,
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    kinds::close_position::Portion,
    queue::{Backoff, Context, JobError},
    trading::{self, Cancel, Close},
};

/// How soon orders that are being canceled are looked at again.
const AGAIN: Duration = Duration::from_millis(300);
/// How often; then positions are closed all the same, each as soon as its own symbol is free.
const LOOKS: i32 = 20;
/// The most open orders that are canceled.
const OPEN_ORDERS: i64 = 10_000;

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Liquidate {
    /// Whose.
    pub user_id: Uuid,
    /// Why.
    pub reason: String,
    /// The quarantined job that it does not wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<Uuid>,
}

impl Job for Liquidate {
    const KIND: &'static str = "liquidate";
    const QUEUE: &'static str = trading::QUEUE;
    const PRIORITY: i16 = -8;

    fn unique_key(&self) -> Option<String> {
        Some(match self.in_place_of {
            None => self.user_id.to_string(),
            Some(job_id) => format!("{}:after {job_id}", self.user_id),
        })
    }
}

impl Handler for Liquidate {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(250), cap: Duration::from_secs(5) },
        max_failures: 100,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let enqueue_failed = |error| JobError::retryable("ENQUEUE", error);
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        // Before any order is locked, as whoever closes, places or replaces does.
        risk::one_at_a_time(&mut tx, self.user_id).await?;
        let held = positions::list(&mut tx, self.user_id).await?;
        let held: BTreeSet<String> = held.into_iter().map(|position| position.symbol).collect();
        let mut waiting = 0;
        for order in orders::open(&mut tx, Some(self.user_id), OPEN_ORDERS).await? {
            if order.status == OrderStatus::Halted || order.origin == Origin::Liquidation {
                continue;
            }
            if order.reduces && held.contains(&order.symbol) {
                continue;
            }
            let asked = trading::request(&mut tx, &order, &self.reason, ctx.trace_id()).await;
            waiting += usize::from(matches!(asked.map_err(enqueue_failed)?, Cancel::Requested { .. }));
        }
        if waiting > 0 && ctx.attempt() < LOOKS {
            tx.commit().await?;
            env.hints.events();
            env.hints.jobs(trading::QUEUE);
            return Err(JobError::Snooze(AGAIN));
        }
        let mut closing = Vec::new();
        for held in positions::list(&mut tx, self.user_id).await? {
            let close = Close {
                user_id: self.user_id,
                symbol: &held.symbol,
                portion: Portion::All,
                origin: Origin::Liquidation,
                trace_id: ctx.trace_id(),
            };
            trading::close(&mut tx, &close).await.map_err(enqueue_failed)?;
            closing.push(held.symbol);
        }
        let output = json!({ "closing": closing, "still_open": waiting });
        let success = ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        env.hints.events();
        env.hints.jobs(trading::QUEUE);
        Ok(success)
    }
}
