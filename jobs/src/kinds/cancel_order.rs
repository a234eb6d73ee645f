//! Cancels an order, wherever it is: here, on its way, or at the broker.
//!
//! A request to cancel is final: from its record on nobody sends the order again. What the broker
//! makes of it is applied as any other news; a fill may come first.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use crate::{
    broker::{Broker, BrokerOrder, CancelOutcome},
    db::{
        fills::Source,
        orders::{self, CancelRequest, Order},
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError},
    trading::{self, Found},
};

/// How soon an order that is not over is looked at again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often; afterwards the stream, polls and reconciliation follow it.
const LOOKS: i32 = 10;

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelOrder {
    /// The order.
    pub order_id: Uuid,
    /// Why.
    pub reason: String,
}

impl Job for CancelOrder {
    const KIND: &'static str = "cancel_order";
    const QUEUE: &'static str = trading::QUEUE;
    const PRIORITY: i16 = -10;

    fn unique_key(&self) -> Option<String> {
        Some(self.order_id.to_string())
    }
}

impl Handler for CancelOrder {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(250), cap: Duration::from_secs(5) },
        max_failures: 100,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let broker = trading::broker(&env)?;
        let order = match self.request(&ctx, &env).await? {
            Requested::Done(success) => return Ok(success),
            Requested::AtBroker(order) => order,
        };
        let Some(broker_order_id) = &order.broker_order_id else {
            return self.find(&order, broker, &ctx, &env).await;
        };
        let outcome = broker.cancel(broker_order_id).await.map_err(trading::broker_error)?;
        if outcome == CancelOutcome::NotFound {
            let message = format!("the broker knows no order {broker_order_id}");
            return Err(JobError::retryable("ORDER_VANISHED", message));
        }
        let seen = broker.order(broker_order_id).await.map_err(trading::broker_error)?;
        let seen = seen.ok_or_else(|| JobError::retryable("ORDER_VANISHED", "the broker lost the order"))?;
        self.follow(&order, &seen, &ctx, &env).await
    }
}

enum Requested {
    Done(Success),
    AtBroker(Box<Order>),
}

impl CancelOrder {
    /// Records the request; ends an order that was never sent.
    async fn request(&self, ctx: &Context, env: &Environment) -> Result<Requested, JobError> {
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        let output = match orders::request_cancel(&mut tx, self.order_id, &self.reason).await? {
            CancelRequest::Requested(order) => {
                tx.commit().await?;
                return Ok(Requested::AtBroker(order));
            }
            CancelRequest::Canceled => json!({ "status": "canceled" }),
            CancelRequest::AlreadyOver(status) => json!({ "status": status.as_str() }),
            CancelRequest::Unknown => json!({ "skipped": "there is no such order" }),
        };
        let success = ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        env.hints.events();
        Ok(Requested::Done(success))
    }

    /// Finds out whether an order without an answer is at the broker.
    async fn find(
        &self,
        order: &Order,
        broker: &dyn Broker,
        ctx: &Context,
        env: &Environment,
    ) -> Result<Success, JobError> {
        let found = broker.order_by_client_id(&order.client_order_id).await.map_err(trading::broker_error)?;
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        let Some(found) = found else {
            // Nobody sends it any more; only an attempt already under way still could.
            let ended = trading::end_absent(
                &mut tx,
                trading::late(env),
                order,
                domain::order::OrderStatus::Canceled,
                "CANCELED",
                &self.reason,
            )
            .await?;
            if !ended {
                return Err(JobError::Snooze(AGAIN));
            }
            let success = ctx.complete_in(&mut tx, json!({ "status": "canceled" })).await?;
            tx.commit().await?;
            env.hints.events();
            return Ok(success);
        };
        let adopted = trading::adopt(&mut tx, order, &found, Source::Poll).await?;
        tx.commit().await?;
        env.hints.events();
        match adopted {
            // Its id at the broker is known now: the next look cancels it.
            Found::Adopted { .. } => Err(JobError::Snooze(Duration::ZERO)),
            Found::Halted { reason } => Err(JobError::fatal("ORDER_HALTED", reason)),
        }
    }

    /// Applies what became of the order; stays with it for a while when it is not over.
    async fn follow(
        &self,
        order: &Order,
        seen: &BrokerOrder,
        ctx: &Context,
        env: &Environment,
    ) -> Result<Success, JobError> {
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        trading::absorb(&mut tx, order, &orders::seen(seen), Source::Poll).await?;
        let over = seen.status.is_terminal();
        if !over && ctx.attempt() < LOOKS {
            tx.commit().await?;
            env.hints.events();
            return Err(JobError::Snooze(AGAIN));
        }
        let success = ctx.complete_in(&mut tx, json!({ "status": seen.status.as_str() })).await?;
        tx.commit().await?;
        env.hints.events();
        Ok(success)
    }
}
