//! Asks the broker for an order in the place of another.
//!
//! The replacement is an order of its own, with an id of its own that every attempt carries; like
//! any other it is looked up before it is asked for again. The old order may fill first: then the
//! broker refuses, and that is final.

use std::{sync::Arc, time::Duration};

use domain::order::{OrderStatus, Trail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    broker::{BrokerOrder, ReplaceOrder as Wanted},
    db::{
        fills::Source,
        orders::{self, Order},
    },
    environment::Environment,
    failpoint,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, Ending, JobError},
    trading::{self, Answer, Attempt, Found},
};

/// The wait for an old order that is still on its way.
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
        let attempt = Attempt { order: &new, broker, ctx: &ctx, env: &env };
        if new.status == OrderStatus::Submitting
            && let Some(found) = attempt.look_up().await?
        {
            return adopt(&attempt, &old, &found).await;
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
        send(&attempt, &old, broker_order_id).await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        trading::abandoned(conn, self.new_order_id, ending).await
    }
}

/// Asks for the replacement and records the answer.
async fn send(attempt: &Attempt<'_>, old: &Order, broker_order_id: &str) -> Result<Success, JobError> {
    let new = attempt.order;
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
    let replaced = attempt.broker.replace(broker_order_id, &wanted).await;
    failpoint::hit("replace_order.after_post");
    match attempt.sort(replaced).await? {
        Answer::Taken(order) | Answer::Found(order) => adopt(attempt, old, &order).await,
        Answer::Refused(refusal) => attempt.reject(&refusal, None).await,
    }
}

/// Makes the broker's new order ours, and applies what that made of the old one.
async fn adopt(attempt: &Attempt<'_>, old: &Order, found: &BrokerOrder) -> Result<Success, JobError> {
    let seen = match &old.broker_order_id {
        Some(id) => attempt.broker.order(id).await.ok().flatten(),
        None => None,
    };
    let mut tx = attempt.hold().await?;
    let output = match trading::adopt(&mut tx, attempt.order, found, Source::Ack).await? {
        Found::Adopted { status } => json!({ "brokerOrderId": found.id, "status": status.as_str() }),
        Found::Halted { reason } => json!({ "halted": reason, "brokerOrderId": found.id }),
    };
    // An old order that could not be read is followed by the stream and the polls.
    if let Some(seen) = seen {
        trading::absorb(&mut tx, old, &orders::seen(&seen), Source::Poll).await?;
    }
    attempt.finish(tx, output).await
}
