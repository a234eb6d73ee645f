//! Reading the record of who changed what.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A recorded change.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct AuditRow {
    pub audit_id: i64,
    pub recorded_at: DateTime<Utc>,
    pub actor_id: Option<Uuid>,
    pub username: Option<String>,
    pub action: String,
    pub resource: String,
    pub resource_id: Option<String>,
    pub reason: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub trace_id: Option<String>,
}

/// Returns changes, latest first; of one trace when `trace_id` is given.
pub async fn latest(
    conn: &mut PgConnection,
    trace_id: Option<&str>,
    limit: i64,
    offset: i64,
) -> sqlx::Result<Vec<AuditRow>> {
    sqlx::query_as!(
        AuditRow,
        r#"select a.audit_id, a.recorded_at, a.actor_id, u.username as "username?", a.action, a.resource,
                  a.resource_id, a.reason, a.before, a.after, a.trace_id
             from audit_log a
             left join users u on u.user_id = a.actor_id
            where $1::text is null or a.trace_id = $1
            order by a.audit_id desc
            limit $2 offset $3"#,
        trace_id,
        limit,
        offset,
    )
    .fetch_all(conn)
    .await
}

/// Returns how many changes there were within the last `hours`, counted up to `most`.
pub async fn within(conn: &mut PgConnection, hours: i32, most: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from (select recorded_at from audit_log order by audit_id desc limit $2) as c
            where recorded_at > now() - make_interval(hours => $1)"#,
        hours,
        most
    )
    .fetch_one(conn)
    .await
}
