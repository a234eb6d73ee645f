//! The steps of a decision; each says from which states it may be taken.

use std::time::Duration;

use domain::cycle::DecisionStatus;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{GateRecord, announce};
use crate::db::audit::{self, Entry};

/// Records that its user wants the decision, audited; `false` when it is another's, or not pending.
pub async fn approve(conn: &mut PgConnection, user_id: Uuid, id: Uuid, by: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update ai_decisions
            set status = 'approved', approved_by = $3, approved_at = clock_timestamp(),
                updated_at = clock_timestamp()
          where decision_id = $1 and user_id = $2 and status = 'pending'",
        id,
        user_id,
        by
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    audit::record(
        conn,
        Entry {
            actor_id: Some(by),
            action: "approve_decision",
            resource: "ai_decision",
            resource_id: Some(id.to_string()),
            before: Some(json!({ "status": "pending" })),
            after: Some(json!({ "status": "approved" })),
            ..Entry::default()
        },
    )
    .await?;
    announce(conn, id).await?;
    Ok(true)
}

/// Notes gates that the decision met, after those it met before.
pub async fn note_gates(conn: &mut PgConnection, id: Uuid, gates: &[GateRecord]) -> sqlx::Result<()> {
    sqlx::query!(
        "update ai_decisions
            set gates = gates || $2, updated_at = clock_timestamp()
          where decision_id = $1",
        id,
        json!(gates)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records the order that the decision became; `false` when it is over already.
pub async fn ordered(conn: &mut PgConnection, id: Uuid, order_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update ai_decisions
            set status = 'pending_execution', order_id = $2, updated_at = clock_timestamp()
          where decision_id = $1 and order_id is null
            and status in ('pending', 'approved', 'pending_execution')",
        id,
        order_id
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Records that a job was enqueued that will make the decision's order.
pub async fn queued(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update ai_decisions
            set status = 'pending_execution', updated_at = clock_timestamp()
          where decision_id = $1 and status in ('pending', 'approved')",
        id
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Ends a decision that has no order, for `reason`; `false` when it has one, or is over.
pub async fn end(
    conn: &mut PgConnection,
    id: Uuid,
    status: DecisionStatus,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update ai_decisions
            set status = $2, skip_reason = $3, updated_at = clock_timestamp()
          where decision_id = $1 and order_id is null
            and status in ('pending', 'approved', 'pending_execution')",
        id,
        status.as_str(),
        reason
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Ends the user's decisions that have waited for longer than `age`; returns how many.
pub async fn expire_older(conn: &mut PgConnection, user_id: Uuid, age: Duration) -> sqlx::Result<usize> {
    let expired: Vec<Uuid> = sqlx::query_scalar!(
        "update ai_decisions
            set status = 'expired', skip_reason = 'nobody acted on it in time',
                updated_at = clock_timestamp()
          where user_id = $1 and status in ('pending', 'approved') and order_id is null
            and created_at < clock_timestamp() - make_interval(secs => $2::float8)
         returning decision_id",
        user_id,
        age.as_secs_f64()
    )
    .fetch_all(&mut *conn)
    .await?;
    for id in &expired {
        announce(conn, *id).await?;
    }
    Ok(expired.len())
}

async fn announce_if(conn: &mut PgConnection, id: Uuid, changed: u64) -> sqlx::Result<bool> {
    if changed == 1 {
        announce(conn, id).await?;
    }
    Ok(changed == 1)
}
