//! Asks the broker for an order in the place of another.
//!
//! The replacement is an order of its own, with an id of its own that every attempt carries; like
//! any other it is looked up before it is asked for again. The old order may fill first: then the
//! broker refuses, and that is final.

use std::{sync::Arc, time::Duration};

use domain::{
    order::{OrderStatus, Trail},
    risk::{Stage, Verdict},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tracing::warn;
use uuid::Uuid;

use crate::{
    broker::{Broker, BrokerOrder, PlaceError, ReplaceOrder as Wanted},
    db::{
        fills::Source,
        orders::{self, Order, Sending},
    },
    environment::Environment,
    failpoint,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, Ending, JobError},
    trading::{self, Found, Gate, MAX_VIEW_AGE},
};

/// The wait for an old order that is still on its way, or for what is missing to judge.
const AGAIN: Duration = Duration::from_secs(1);

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplaceOrder {
    /// The order that is replaced.
    pub order_id: Uuid,
    /// The order that takes its place.
    pub new_order_id: Uuid,
}

impl Job for ReplaceOrder {
    const KIND: &'static str = "replace_order";
    const QUEUE: &'static str = trading::QUEUE;

    fn unique_key(&self) -> Option<String> {
        Some(self.new_order_id.to_string())
    }
}

impl Handler for ReplaceOrder {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(30) },
        max_failures: 100,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let broker = trading::broker(&env)?;
        let (old, new) = {
            let mut conn = env.pool.acquire().await?;
            (
                orders::by_id(&mut conn, self.order_id).await?,
                orders::by_id(&mut conn, self.new_order_id).await?,
            )
        };
        let (Some(old), Some(new)) = (old, new) else {
            return Ok(Success::Output(json!({ "skipped": "there is no such order" })));
        };
        if new.status != OrderStatus::Pending && new.status != OrderStatus::Submitting {
            return Ok(Success::Output(json!({ "skipped": new.status.as_str() })));
        }
        let attempt = Attempt { old: &old, new: &new, broker, ctx: &ctx, env: &env };
        if new.status == OrderStatus::Submitting
            && let Some(found) = attempt.look_up().await?
        {
            return attempt.adopt(&found).await;
        }
        if new.cancel_requested_at.is_some() {
            return attempt.give_up(OrderStatus::Canceled, "CANCELED", "canceled before it was sent").await;
        }
        if old.status.is_terminal() || old.cancel_requested_at.is_some() {
            let message = format!("the order to be replaced is {}", old.status);
            return attempt.give_up(OrderStatus::Rejected, "NOT_REPLACEABLE", &message).await;
        }
        let Some(broker_order_id) = old.broker_order_id.as_deref() else {
            return Err(JobError::Snooze(AGAIN));
        };
        if let Some(refused) = attempt.judge().await? {
            return Ok(refused);
        }
        attempt.begin().await?;
        attempt.send(broker_order_id).await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        trading::abandoned(conn, self.new_order_id, ending).await
    }
}

struct Attempt<'a> {
    old: &'a Order,
    new: &'a Order,
    broker: &'a dyn Broker,
    ctx: &'a Context,
    env: &'a Environment,
}

impl Attempt<'_> {
    async fn look_up(&self) -> Result<Option<BrokerOrder>, JobError> {
        self.broker.order_by_client_id(&self.new.client_order_id).await.map_err(trading::broker_error)
    }

    async fn judge(&self) -> Result<Option<Success>, JobError> {
        trading::refresh_account(self.env, self.broker, MAX_VIEW_AGE).await?;
        trading::refresh_symbol(self.env, self.broker, &self.new.symbol).await?;
        let request = self.new.request();
        let gate = Gate {
            user_id: self.new.user_id,
            request: &request,
            origin: self.new.origin,
            order: Some(self.new),
            replaces: Some(self.old.id),
            at: Stage::Sending,
        };
        match trading::gate(&mut *self.env.pool.acquire().await?, &gate).await?.0 {
            Verdict::Pass => Ok(None),
            Verdict::Unknown(_) => Err(JobError::Snooze(AGAIN)),
            Verdict::Refuse(refusal) => {
                self.give_up(OrderStatus::Rejected, refusal.rule.as_str(), &refusal.message).await.map(Some)
            }
        }
    }

    async fn begin(&self) -> Result<(), JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        if orders::begin_sending(&mut tx, self.new.id).await? == Sending::Refused {
            return Err(JobError::Snooze(Duration::ZERO));
        }
        tx.commit().await?;
        self.env.hints.events();
        Ok(())
    }

    async fn send(&self, broker_order_id: &str) -> Result<Success, JobError> {
        let (old, new) = (self.old, self.new);
        let trail = |order: &Order| order.request().trail;
        let changed = |was, is| (was != is).then_some(is).flatten();
        let wanted = Wanted {
            client_order_id: Some(new.client_order_id.clone()),
            qty: changed(old.qty, new.qty),
            time_in_force: (old.time_in_force != new.time_in_force).then_some(new.time_in_force),
            limit_price: changed(old.limit_price, new.limit_price),
            stop_price: changed(old.stop_price, new.stop_price),
            trail: (trail(old) != trail(new)).then(|| trail(new)).flatten().map(|trail| match trail {
                Trail::Price(distance) | Trail::Percent(distance) => distance,
            }),
        };
        failpoint::hit("replace_order.before_post");
        let replaced = self.broker.replace(broker_order_id, &wanted).await;
        failpoint::hit("replace_order.after_post");
        match replaced {
            Ok(order) => self.adopt(&order).await,
            Err(PlaceError::Duplicate) => match self.look_up().await? {
                Some(found) => self.adopt(&found).await,
                None => Err(JobError::retryable("DUPLICATE_NOT_FOUND", "the broker does not find it")),
            },
            Err(PlaceError::Rejected(refusal)) => {
                if new.last_sent_at.is_some()
                    && let Some(found) = self.look_up().await?
                {
                    return self.adopt(&found).await;
                }
                let code = refusal.code.map_or_else(|| refusal.status.to_string(), |code| code.to_string());
                self.reject(&code, &refusal.message).await
            }
            Err(PlaceError::RateLimited { until }) => Err(JobError::Snooze(trading::until(Some(until)))),
            Err(PlaceError::NotSent { retry_at, .. }) => Err(JobError::Snooze(trading::until(retry_at))),
            Err(PlaceError::Unknown { reason }) => {
                warn!(order.id = %new.id, "no answer for the replacement {}; it will be looked up", new.id);
                Err(JobError::retryable("BROKER_UNKNOWN", reason))
            }
        }
    }

    /// Makes the broker's new order ours, and applies what that made of the old one.
    async fn adopt(&self, found: &BrokerOrder) -> Result<Success, JobError> {
        let old = match &self.old.broker_order_id {
            Some(id) => self.broker.order(id).await.ok().flatten(),
            None => None,
        };
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        let output = match trading::adopt(&mut tx, self.new, found, Source::Ack).await? {
            Found::Adopted { status } => json!({ "brokerOrderId": found.id, "status": status.as_str() }),
            Found::Halted { reason } => json!({ "halted": reason, "brokerOrderId": found.id }),
        };
        // An old order that could not be read is followed by the stream and the polls.
        if let Some(old) = old {
            trading::absorb(&mut tx, self.old, &orders::seen(&old), Source::Poll).await?;
        }
        self.finish(tx, output).await
    }

    async fn reject(&self, code: &str, message: &str) -> Result<Success, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        orders::reject_sent(&mut tx, self.new.id, code, message, None).await?;
        self.finish(tx, json!({ "status": "rejected", "code": code, "message": message })).await
    }

    async fn give_up(&self, status: OrderStatus, code: &str, message: &str) -> Result<Success, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        if !trading::end_absent(&mut tx, trading::late(self.env), self.new, status, code, message).await? {
            return Err(JobError::Snooze(AGAIN));
        }
        self.finish(tx, json!({ "status": status.as_str(), "code": code, "message": message })).await
    }

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
