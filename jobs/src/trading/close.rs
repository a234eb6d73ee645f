//! Asking for the end of a position.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::orders::Origin,
    job::Job,
    kinds::close_position::{ClosePosition, Portion},
    queue::{Enqueue, EnqueueError, Enqueued, enqueue, inspect},
};

/// So long after it was asked for, a close that still waits for other orders is given up.
const PATIENCE: Duration = Duration::from_mins(5);

/// A position to be closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Close<'a> {
    /// Whose.
    pub user_id: Uuid,
    /// In what, upper case.
    pub symbol: &'a str,
    /// How much of it.
    pub portion: Portion,
    /// Where the wish comes from: [`Origin::Close`] or [`Origin::Liquidation`].
    pub origin: Origin,
    /// The trace of the request.
    pub trace_id: Option<&'a str>,
}

/// Enqueues the close in the caller's transaction; the same one stands for it while it is at work, a
/// smaller one never does.
///
/// The order that closes is made by the job, once the position is free of other orders.
pub async fn close(conn: &mut PgConnection, close: &Close<'_>) -> Result<Enqueued, EnqueueError> {
    request(conn, close, Uuid::now_v7(), None).await
}

/// Enqueues the close that a decision asks for, like [`close`]; its order will have the id `order_id`,
/// and the decision follows it.
pub(crate) async fn close_for_decision(
    conn: &mut PgConnection,
    close: &Close<'_>,
    order_id: Uuid,
    decision_id: Uuid,
) -> Result<Enqueued, EnqueueError> {
    request(conn, close, order_id, Some(decision_id)).await
}

async fn request(
    conn: &mut PgConnection,
    close: &Close<'_>,
    order_id: Uuid,
    decision_id: Option<Uuid>,
) -> Result<Enqueued, EnqueueError> {
    let mut job = ClosePosition {
        user_id: close.user_id,
        symbol: close.symbol.to_owned(),
        portion: close.portion,
        order_id,
        origin: close.origin,
        decision_id,
        in_place_of: None,
    };
    let mut options = Enqueue::default().not_after(PATIENCE).tag(format!("user:{}", close.user_id));
    if let Some(trace_id) = close.trace_id {
        options = options.trace_id(trace_id);
    }
    enqueue_past_quarantine(conn, &mut job, &options, |job, held| job.in_place_of = Some(held)).await
}

/// Enqueues `job`, in place of an earlier one where that is quarantined; `names` notes which one it
/// is, under which the job's unique key differs from the earlier one's.
///
/// Whoever wants out does not wait for an operator, and closes nothing twice: an order and the end of
/// its job are one transaction, so a quarantined job has made none, and one that is let go on later
/// looks at what is held by then.
pub(super) async fn enqueue_past_quarantine<J: Job>(
    conn: &mut PgConnection,
    job: &mut J,
    options: &Enqueue,
    names: impl Fn(&mut J, Uuid),
) -> Result<Enqueued, EnqueueError> {
    loop {
        let enqueued = enqueue(conn, job, options.clone()).await?;
        if enqueued.inserted {
            return Ok(enqueued);
        }
        let holder = inspect::job(conn, enqueued.job_id).await?;
        if holder.is_none_or(|holder| holder.state != "quarantined") {
            return Ok(enqueued);
        }
        names(job, enqueued.job_id);
    }
}
