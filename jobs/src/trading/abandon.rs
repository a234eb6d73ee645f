//! What becomes of an order whose job ends without its handler's own word.

use domain::order::OrderStatus;
use sqlx::PgConnection;
use tracing::warn;
use uuid::Uuid;

use crate::{
    db::orders,
    queue::{EndState, Ending},
};

/// Ends an order that was never sent. One that may have been sent stays as it is, with the reason
/// noted: reconciliation looks it up and decides.
pub(crate) async fn abandoned(conn: &mut PgConnection, id: Uuid, ending: &Ending) -> sqlx::Result<()> {
    let (status, code) = match ending.state {
        // The job may yet run again: an operator decides, and the order waits with it.
        EndState::Quarantined => return Ok(()),
        EndState::Expired => (OrderStatus::Expired, "EXPIRED"),
        EndState::Cancelled => (OrderStatus::Canceled, "CANCELED"),
        EndState::Discarded => (OrderStatus::Rejected, "NOT_SENT"),
    };
    let message = match ending.state {
        EndState::Expired => "its session ended before it could be sent",
        _ => ending.message.as_str(),
    };
    if orders::end_before_sending(conn, id, status, code, message).await? {
        return Ok(());
    }
    if orders::mark_ended(conn, id, code, message).await? {
        warn!(order.id = %id, "order {id} may be at the broker, and its job has ended: {message}");
    }
    Ok(())
}
