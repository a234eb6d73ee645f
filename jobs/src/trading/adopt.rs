//! What the broker has under our id becomes ours, or is put before an operator.

use std::time::Duration;

use chrono::Utc;
use domain::{order::OrderStatus, reconciliation::Mismatch};
use serde_json::json;
use sqlx::PgConnection;
use tracing::{error, warn};

use crate::{
    broker::BrokerOrder,
    db::{
        audit::{self, Entry},
        events,
        fills::Source,
        orders::{self, Applied, Order, Seen},
    },
    environment::Environment,
};

/// Returns how long after an attempt began to send an order it can no longer arrive: longer than
/// any request is waited for, with a margin for a network that keeps it.
pub(crate) fn late(env: &Environment) -> Duration {
    env.config.broker.timeout() * 5
}

/// What came of finding an order under our id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is ours: its state was applied.
    Adopted {
        /// Where it stands.
        status: OrderStatus,
    },
    /// It differs from ours: an operator decides.
    Halted {
        /// In what.
        reason: String,
    },
}

/// Compares an order that was found under our client order id, and applies its state or halts
/// ours.
pub(crate) async fn adopt(
    conn: &mut PgConnection,
    order: &Order,
    found: &BrokerOrder,
    source: Source,
) -> sqlx::Result<Found> {
    if let Some((mismatch, reason)) = order.difference(found) {
        halt(conn, order, mismatch, &reason, Some(found)).await?;
        return Ok(Found::Halted { reason });
    }
    match absorb(conn, order, &orders::seen(found), source).await? {
        Applied::Illegal { reason } => {
            halt(conn, order, Mismatch::Progress, &reason, Some(found)).await?;
            Ok(Found::Halted { reason })
        }
        _ => Ok(Found::Adopted { status: found.status }),
    }
}

/// Applies news of an order; what contradicts our record is said aloud and changes nothing.
pub(crate) async fn absorb(
    conn: &mut PgConnection,
    order: &Order,
    seen: &Seen<'_>,
    source: Source,
) -> sqlx::Result<Applied> {
    let applied = orders::apply(conn, order.id, seen, source).await?;
    if let Applied::Illegal { reason } = &applied {
        warn!(order.id = %order.id, "news of order {} was refused: {reason}", order.id);
    }
    Ok(applied)
}

/// Halts the order, tells its owner, and audits what differs. The code is the same whoever sees
/// it first: the attempt that sends, the look at one order, or reconciliation.
pub(crate) async fn halt(
    conn: &mut PgConnection,
    order: &Order,
    mismatch: Mismatch,
    reason: &str,
    found: Option<&BrokerOrder>,
) -> sqlx::Result<()> {
    if !orders::halt(conn, order.id, mismatch.as_str(), reason).await? {
        return Ok(());
    }
    error!(order.id = %order.id, "order {} is halted, the broker has another one: {reason}", order.id);
    audit::record(
        conn,
        Entry {
            action: "halt_order",
            resource: "order",
            resource_id: Some(order.id.to_string()),
            reason: Some(reason.to_owned()),
            before: Some(json!({ "status": order.status.as_str(), "filledQty": order.filled_qty })),
            after: Some(json!({ "status": "halted", "broker": found.map(|found| &found.raw) })),
            trace_id: order.trace_id.clone(),
            ..Entry::default()
        },
    )
    .await?;
    alert(conn, order, "order halted", reason).await
}

/// Appends an `alert:new` event about the order for its owner.
pub(crate) async fn alert(
    conn: &mut PgConnection,
    order: &Order,
    title: &str,
    message: &str,
) -> sqlx::Result<()> {
    let body = json!({
        "severity": "error",
        "title": title,
        "message": message,
        "orderId": order.id,
        "symbol": order.symbol,
    });
    events::append(conn, order.user_id, "alert:new", Some(order.id), &body).await?;
    Ok(())
}

/// Ends an order that the broker does not know. One that was never sent ends at once; one that
/// may be on its way only when it can't arrive any more, `late` after it was sent: `false` until then.
pub(crate) async fn end_absent(
    conn: &mut PgConnection,
    late: Duration,
    order: &Order,
    status: OrderStatus,
    code: &str,
    message: &str,
) -> sqlx::Result<bool> {
    if orders::end_before_sending(conn, order.id, status, code, message).await? {
        return Ok(true);
    }
    // Read anew: an attempt may have begun since.
    let Some(order) = orders::lock(conn, order.id).await? else { return Ok(true) };
    if order.status != OrderStatus::Submitting {
        return Ok(order.status.is_terminal());
    }
    let on_its_way = order
        .last_sent_at
        .is_some_and(|sent| Utc::now().signed_duration_since(sent).to_std().unwrap_or_default() < late);
    if on_its_way {
        return Ok(false);
    }
    orders::end_unsent(conn, order.id, status, code, message).await
}
