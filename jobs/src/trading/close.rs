//! Asking for the end of a position.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    db::orders::Origin,
    kinds::close_position::{ClosePosition, Portion},
    queue::{Enqueue, EnqueueError, Enqueued, enqueue},
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

/// Enqueues the close in the caller's transaction; one that is at work already stands for it.
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
    let job = ClosePosition {
        user_id: close.user_id,
        symbol: close.symbol.to_owned(),
        portion: close.portion,
        order_id,
        origin: close.origin,
        decision_id,
    };
    let mut options = Enqueue::default().not_after(PATIENCE).tag(format!("user:{}", close.user_id));
    if let Some(trace_id) = close.trace_id {
        options = options.trace_id(trace_id);
    }
    enqueue(conn, &job, options).await
}
