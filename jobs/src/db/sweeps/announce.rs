//! The event that tells a client about a sweep's state.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Kind, Status};
use crate::db::events;

/// Appends a `sweep:progress` event with the sweep's present state; percents are rounded down.
///
/// The body: `{id, kind, status, progress, done, total, errorCode, errorMessage, updatedAt}`.
pub(super) async fn announce(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    let row = sqlx::query!(
        r#"select user_id, kind as "kind: Kind", status as "status: Status", done, total, error_code,
                  error_message, updated_at
             from sweeps
            where sweep_id = $1"#,
        id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let body = json!({
        "id": id,
        "kind": row.kind.as_str(),
        "status": row.status.as_str(),
        "progress": percent(row.done, row.total),
        "done": row.done,
        "total": row.total,
        "errorCode": row.error_code,
        "errorMessage": row.error_message,
        "updatedAt": row.updated_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    });
    events::append(conn, row.user_id, "sweep:progress", Some(id), &body).await?;
    Ok(())
}

/// Returns how much is done, in percent rounded down.
pub(super) fn percent(done: i32, total: i32) -> i64 {
    i64::from(done) * 100 / i64::from(total.max(1))
}

/// Lets the parts of a sweep record one after the other, until the caller's commit.
///
/// The first statement of their transactions: events are read in the order in which their
/// transactions drew their ids, and this lock draws none, so that order is the order of turns.
pub async fn take_turn(conn: &mut PgConnection, sweep_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('sweep:' || $1::uuid::text, 0))::text",
        sweep_id
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
