//! Sends an order to the broker, once.
//!
//! The row says `submitting` before anything is sent, and every attempt carries the same client
//! order id. An attempt that finds the row so asks the broker first: an answer that did not come
//! is *unknown*, never "failed". The gates are asked again at this moment; a refusal, the broker's
//! or theirs, is final, and so is a cancellation.

mod send;

use std::{sync::Arc, time::Duration};

use domain::order::OrderStatus;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::orders,
    environment::Environment,
    failpoint,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, Ending, JobError},
    trading::{self, Attempt},
};

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
                return send::adopt(&attempt, &found).await;
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
        failpoint::hit("submit_order.before_submitting");
        attempt.begin().await?;
        failpoint::hit("submit_order.after_submitting");
        send::send(&attempt).await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        trading::abandoned(conn, self.order_id, ending).await
    }
}
