//! The one request that has an effect, and the record of what came of it.

use serde_json::json;
use tracing::warn;
use uuid::Uuid;

use crate::{
    broker::{BrokerOrder, PlaceOrder},
    db::{
        fills::Source,
        orders::{self, Applied},
    },
    failpoint,
    handler::Success,
    queue::JobError,
    trading::{self, Answer, Attempt, Found},
};

/// Sends the order and records the answer.
pub(super) async fn send(attempt: &Attempt<'_>) -> Result<Success, JobError> {
    let client_order_id = if failpoint::sabotaged("new_client_id") {
        Uuid::new_v4().to_string()
    } else {
        attempt.order.client_order_id.clone()
    };
    let request = PlaceOrder { client_order_id, request: attempt.order.request() };
    failpoint::hit("submit_order.before_post");
    let placed = attempt.broker.place(&request).await;
    failpoint::hit("submit_order.after_post");
    match attempt.sort(placed).await? {
        Answer::Taken(order) => acknowledge(attempt, &order).await,
        Answer::Found(found) => adopt(attempt, &found).await,
        Answer::Refused(refusal) => {
            let raw = json!({
                "status": refusal.status,
                "code": refusal.code,
                "message": refusal.message,
                "details": refusal.details,
            });
            attempt.reject(&refusal, Some(&raw)).await
        }
    }
}

async fn acknowledge(attempt: &Attempt<'_>, order: &BrokerOrder) -> Result<Success, JobError> {
    failpoint::hit("submit_order.before_record");
    if let Some(difference) = attempt.order.difference(order) {
        let reason = format!("the answer is about another order: {}", difference.1);
        return Err(JobError::retryable("BROKER_MALFORMED", reason));
    }
    let mut tx = attempt.hold().await?;
    if let Applied::Illegal { reason } =
        trading::absorb(&mut tx, attempt.order, &orders::seen(order), Source::Ack).await?
    {
        return Err(JobError::retryable("BROKER_MALFORMED", reason));
    }
    attempt.finish(tx, json!({ "brokerOrderId": order.id, "status": order.status.as_str() })).await
}

/// Makes the order that was found ours, or halts ours when it is another one.
pub(super) async fn adopt(attempt: &Attempt<'_>, found: &BrokerOrder) -> Result<Success, JobError> {
    let id = attempt.order.id;
    warn!(order.id = %id, attempt = attempt.ctx.attempt(), "order {id} was at the broker already");
    let mut tx = attempt.hold().await?;
    let output = match trading::adopt(&mut tx, attempt.order, found, Source::Poll).await? {
        Found::Adopted { status } => json!({ "adopted": found.id, "status": status.as_str() }),
        Found::Halted { reason } => json!({ "halted": reason, "brokerOrderId": found.id }),
    };
    attempt.finish(tx, output).await
}
