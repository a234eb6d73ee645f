//! Sends an order to the broker, once.
//!
//! The row says `submitting` before anything is sent, and every attempt carries the same client
//! order id. An attempt that finds the row so asks the broker first: an answer that did not come
//! is *unknown*, never "failed". The gates are asked again at this moment; a refusal, the broker's
//! or theirs, is final, and so is a cancellation.

mod look;
mod send;

use std::{sync::Arc, time::Duration};

use domain::order::OrderStatus;
use domain::risk::{Stage, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    broker::Broker,
    db::orders::{self, Order, Sending},
    environment::Environment,
    failpoint,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, Ending, JobError},
    trading::{self, Gate, MAX_VIEW_AGE},
};

/// The wait for what is missing to judge an order, or for an order that may still arrive.
const AGAIN: Duration = Duration::from_secs(1);

/// The payload: the row that says what to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubmitOrder {
    /// The order.
    pub order_id: Uuid,
}

impl Job for SubmitOrder {
    const KIND: &'static str = "submit_order";
    const QUEUE: &'static str = trading::QUEUE;

    fn unique_key(&self) -> Option<String> {
        Some(self.order_id.to_string())
    }
}

impl Handler for SubmitOrder {
    /// Failures are cheap looks at the broker, so there are many.
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(30) },
        max_failures: 200,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let broker = trading::broker(&env)?;
        let order = orders::by_id(&mut *env.pool.acquire().await?, self.order_id).await?;
        let Some(order) = order else {
            return Ok(Success::Output(json!({ "skipped": "there is no such order" })));
        };
        if order.status != OrderStatus::Pending && order.status != OrderStatus::Submitting {
            return Ok(Success::Output(json!({ "skipped": order.status.as_str() })));
        }
        let attempt = Attempt { order: &order, broker, ctx: &ctx, env: &env };
        if order.status == OrderStatus::Submitting {
            let careless = failpoint::sabotaged("no_lookup");
            if !careless && let Some(found) = attempt.look_up().await? {
                return attempt.adopt(&found).await;
            }
            if order.cancel_requested_at.is_some() {
                let reason = order.cancel_reason.as_deref().unwrap_or("canceled before it was sent");
                return attempt.give_up(OrderStatus::Canceled, "CANCELED", reason).await;
            }
        }
        if let Some(refused) = attempt.judge().await? {
            return Ok(refused);
        }
        if ctx.interruption().is_some() {
            return Err(JobError::Interrupted);
        }
        attempt.begin().await?;
        attempt.send().await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        trading::abandoned(conn, self.order_id, ending).await
    }
}

/// One attempt at one order.
struct Attempt<'a> {
    order: &'a Order,
    broker: &'a dyn Broker,
    ctx: &'a Context,
    env: &'a Environment,
}

impl Attempt<'_> {
    /// Asks the gates, with a view that is fresh; returns how the job ends when they refuse.
    async fn judge(&self) -> Result<Option<Success>, JobError> {
        trading::refresh_account(self.env, self.broker, MAX_VIEW_AGE).await?;
        trading::refresh_symbol(self.env, self.broker, &self.order.symbol).await?;
        let request = self.order.request();
        let gate = Gate {
            user_id: self.order.user_id,
            request: &request,
            origin: self.order.origin,
            order: Some(self.order),
            replaces: self.order.replaces_order_id,
            at: Stage::Sending,
        };
        let (verdict, _) = trading::gate(&mut *self.env.pool.acquire().await?, &gate).await?;
        match verdict {
            Verdict::Pass => Ok(None),
            Verdict::Unknown(missing) => {
                tracing::debug!(order.id = %self.order.id, "order {} waits: {missing}", self.order.id);
                Err(JobError::Snooze(AGAIN))
            }
            Verdict::Refuse(refusal) => {
                let code = refusal.rule.as_str();
                self.give_up(OrderStatus::Rejected, code, &refusal.message).await.map(Some)
            }
        }
    }

    /// Commits that from now on the broker may have the order.
    async fn begin(&self) -> Result<(), JobError> {
        failpoint::hit("submit_order.before_submitting");
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        if orders::begin_sending(&mut tx, self.order.id).await? == Sending::Refused {
            // Canceled since it was read: the next look says so.
            return Err(JobError::Snooze(Duration::ZERO));
        }
        tx.commit().await?;
        self.env.hints.events();
        failpoint::hit("submit_order.after_submitting");
        Ok(())
    }

    /// Ends an order that the broker does not have; one that may still arrive is looked up again.
    async fn give_up(&self, status: OrderStatus, code: &str, message: &str) -> Result<Success, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        if !trading::end_absent(&mut tx, trading::late(self.env), self.order, status, code, message).await? {
            return Err(JobError::Snooze(AGAIN));
        }
        let output = json!({ "status": status.as_str(), "code": code, "message": message });
        self.finish(tx, output).await
    }

    /// Completes the job with what was recorded in `tx`.
    async fn finish(
        &self,
        mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
        output: Value,
    ) -> Result<Success, JobError> {
        let success = self.ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        self.env.hints.events();
        Ok(success)
    }
}
