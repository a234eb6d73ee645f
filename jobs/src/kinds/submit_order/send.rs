//! The one request that has an effect, and the record of what came of it.

use serde_json::json;
use sqlx::Connection;
use tracing::warn;
use uuid::Uuid;

use super::Attempt;
use crate::{
    broker::{BrokerOrder, PlaceError, PlaceOrder, Refusal},
    db::{
        fills::Source,
        orders::{self, Applied},
    },
    failpoint,
    handler::Success,
    queue::JobError,
    trading,
};

impl Attempt<'_> {
    /// Sends the order and records the answer.
    pub(super) async fn send(&self) -> Result<Success, JobError> {
        let id = self.order.id;
        let client_order_id = if failpoint::sabotaged("new_client_id") {
            Uuid::new_v4().to_string()
        } else {
            self.order.client_order_id.clone()
        };
        let request = PlaceOrder { client_order_id, request: self.order.request() };
        failpoint::hit("submit_order.before_post");
        let placed = self.broker.place(&request).await;
        failpoint::hit("submit_order.after_post");
        match placed {
            Ok(order) => self.acknowledge(&order).await,
            Err(PlaceError::Duplicate) => match self.look_up().await? {
                Some(found) => self.adopt(&found).await,
                None => Err(JobError::retryable(
                    "DUPLICATE_NOT_FOUND",
                    format!("the broker has {} already, but does not find it", request.client_order_id),
                )),
            },
            Err(PlaceError::Rejected(refusal)) => self.rejected(&refusal).await,
            Err(PlaceError::RateLimited { until }) => Err(JobError::Snooze(trading::until(Some(until)))),
            Err(PlaceError::NotSent { retry_at, .. }) => Err(JobError::Snooze(trading::until(retry_at))),
            Err(PlaceError::Unknown { reason }) => {
                let attempt = self.ctx.attempt();
                warn!(order.id = %id, attempt, "no answer for order {id}; the next attempt looks it up");
                Err(JobError::retryable("BROKER_UNKNOWN", reason))
            }
        }
    }

    async fn acknowledge(&self, order: &BrokerOrder) -> Result<Success, JobError> {
        failpoint::hit("submit_order.before_record");
        if let Some(difference) = self.order.difference(order) {
            let reason = format!("the answer is about another order: {}", difference.1);
            return Err(JobError::retryable("BROKER_MALFORMED", reason));
        }
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        if let Applied::Illegal { reason } =
            trading::absorb(&mut tx, self.order, &orders::seen(order), Source::Ack).await?
        {
            return Err(JobError::retryable("BROKER_MALFORMED", reason));
        }
        self.finish(tx, json!({ "brokerOrderId": order.id, "status": order.status.as_str() })).await
    }

    /// Records a refusal, unless an earlier attempt's order is there after all.
    async fn rejected(&self, refusal: &Refusal) -> Result<Success, JobError> {
        let sent_before = self.order.last_sent_at.is_some();
        if sent_before && let Some(found) = self.look_up().await? {
            return self.adopt(&found).await;
        }
        let code = refusal.code.map_or_else(|| refusal.status.to_string(), |code| code.to_string());
        let raw = json!({
            "status": refusal.status,
            "code": refusal.code,
            "message": refusal.message,
            "details": refusal.details,
        });
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        orders::reject_sent(&mut tx, self.order.id, &code, &refusal.message, Some(&raw)).await?;
        let output = json!({ "status": "rejected", "code": code, "message": refusal.message });
        self.finish(tx, output).await
    }
}
