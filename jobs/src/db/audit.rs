//! The record of who changed what. Rows are only ever added, in the transaction of the
//! change that they describe.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// One change.
#[derive(Debug, Clone, Default)]
pub struct Entry<'a> {
    /// Who did it; `None` for the system.
    pub actor_id: Option<Uuid>,
    /// What was done: verb and noun, such as `update_strategy`.
    pub action: &'a str,
    /// The kind of row, singular.
    pub resource: &'a str,
    /// The row's id.
    pub resource_id: Option<String>,
    /// Why, when someone said so.
    pub reason: Option<String>,
    /// The row before, without secrets.
    pub before: Option<Value>,
    /// The row after, without secrets.
    pub after: Option<Value>,
    /// The client's address.
    pub address: Option<String>,
    /// The id of the request or job that did it.
    pub trace_id: Option<String>,
}

/// Adds `entry`; call it in the transaction of the change.
pub async fn record(conn: &mut PgConnection, entry: Entry<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_log
             (actor_id, action, resource, resource_id, reason, before, after, address, trace_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        entry.actor_id,
        entry.action,
        entry.resource,
        entry.resource_id,
        entry.reason,
        entry.before,
        entry.after,
        entry.address,
        entry.trace_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}
