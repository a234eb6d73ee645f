//! Asking for the end of orders.

use domain::order::OrderStatus;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::close::enqueue_past_quarantine;
use crate::{
    db::{
        audit::{self, Entry},
        orders::{self, CancelRequest, Order},
    },
    kinds::{cancel_order::CancelOrder, liquidate::Liquidate},
    queue::{Enqueue, EnqueueError, Enqueued, enqueue},
};

/// What a request to cancel did. Send hints for jobs and events after the commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancel {
    /// It was never sent: it is canceled.
    Canceled,
    /// The broker is being asked; the job that asks.
    Requested {
        /// The job.
        job_id: Uuid,
    },
    /// It was over already.
    AlreadyOver(OrderStatus),
    /// There is no such order.
    Unknown,
}

/// Asks for the cancellation of the order `id` of `user_id`, audited; another user's is unknown.
///
/// From the commit on nobody sends the order again, whatever becomes of the request.
pub async fn cancel(
    conn: &mut PgConnection,
    actor_id: Option<Uuid>,
    user_id: Uuid,
    id: Uuid,
    reason: &str,
    trace_id: Option<&str>,
) -> Result<Cancel, EnqueueError> {
    let owned = orders::by_id(conn, id).await?.filter(|order| order.user_id == user_id);
    let Some(order) = owned else { return Ok(Cancel::Unknown) };
    let done = request(conn, &order, reason, trace_id).await?;
    if matches!(done, Cancel::Canceled | Cancel::Requested { .. }) {
        audit::record(
            conn,
            Entry {
                actor_id,
                action: "cancel_order",
                resource: "order",
                resource_id: Some(id.to_string()),
                reason: Some(reason.to_owned()),
                before: Some(json!({ "status": order.status.as_str(), "filledQty": order.filled_qty })),
                trace_id: trace_id.map(Into::into),
                ..Entry::default()
            },
        )
        .await?;
    }
    Ok(done)
}

/// Records the request and enqueues the job that carries it to the broker.
pub(crate) async fn request(
    conn: &mut PgConnection,
    order: &Order,
    reason: &str,
    trace_id: Option<&str>,
) -> Result<Cancel, EnqueueError> {
    match orders::request_cancel(conn, order.id, reason).await? {
        CancelRequest::Canceled => Ok(Cancel::Canceled),
        CancelRequest::AlreadyOver(status) => Ok(Cancel::AlreadyOver(status)),
        CancelRequest::Unknown => Ok(Cancel::Unknown),
        CancelRequest::Requested(_) => {
            let job = CancelOrder { order_id: order.id, reason: reason.to_owned() };
            let mut options = Enqueue::default().tag(format!("order:{}", order.id));
            if let Some(trace_id) = trace_id {
                options = options.trace_id(trace_id);
            }
            Ok(Cancel::Requested { job_id: enqueue(conn, &job, options).await?.job_id })
        }
    }
}

/// Enqueues the end of everything that `user_id` has: entries are canceled, then positions closed,
/// each together with the orders that protect it. Turn the kill switch on in the same transaction.
pub async fn liquidate(
    conn: &mut PgConnection,
    user_id: Uuid,
    reason: &str,
    trace_id: Option<&str>,
) -> Result<Enqueued, EnqueueError> {
    let mut job = Liquidate { user_id, reason: reason.to_owned(), in_place_of: None };
    let mut options = Enqueue::default().tag(format!("user:{user_id}"));
    if let Some(trace_id) = trace_id {
        options = options.trace_id(trace_id);
    }
    enqueue_past_quarantine(conn, &mut job, &options, |job, held| job.in_place_of = Some(held)).await
}
