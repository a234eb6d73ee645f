//! The steps of a sweep's life; each says from which states it may be taken.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{announce::announce, error_code};

/// Marks the sweep as begun, by whichever part is first; `false` when it is finished or gone,
/// and nothing is to be done.
pub async fn begin(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let begun = sqlx::query!(
        "update sweeps
            set status = 'RUNNING', started_at = clock_timestamp(), updated_at = clock_timestamp()
          where sweep_id = $1
            and status = 'QUEUED'",
        id
    )
    .execute(&mut *conn)
    .await?;
    if announce_if(conn, id, begun.rows_affected()).await? {
        return Ok(true);
    }
    let running = sqlx::query_scalar!(
        r#"select exists (select from sweeps where sweep_id = $1 and status = 'RUNNING') as "running!""#,
        id
    );
    running.fetch_one(conn).await
}

/// Finishes the sweep with its summary; `false`, with nothing written, when it is not running
/// or a part is missing.
pub async fn finish(
    conn: &mut PgConnection,
    id: Uuid,
    summary: &Value,
    provenance: &Value,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update sweeps
            set status = 'DONE', summary = $2, provenance = $3,
                updated_at = clock_timestamp(), finished_at = clock_timestamp()
          where sweep_id = $1
            and status = 'RUNNING'
            and done = total",
        id,
        summary,
        provenance
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Ends the sweep without results; `code` is one of [`super::error_code`]. `false` when it is
/// already finished.
pub async fn fail(conn: &mut PgConnection, id: Uuid, code: &str, message: &str) -> sqlx::Result<bool> {
    end_without_results(conn, id, "FAILED", code, message).await
}

/// Ends the sweep as cancelled; `false` when it is already finished.
pub async fn cancel(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    end_without_results(conn, id, "CANCELLED", error_code::CANCELLED, "cancelled on request").await
}

async fn end_without_results(
    conn: &mut PgConnection,
    id: Uuid,
    status: &str,
    code: &str,
    message: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update sweeps
            set status = $2, error_code = $3, error_message = $4,
                updated_at = clock_timestamp(), finished_at = clock_timestamp()
          where sweep_id = $1
            and status in ('QUEUED', 'RUNNING')",
        id,
        status,
        code,
        message
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

async fn announce_if(conn: &mut PgConnection, id: Uuid, changed: u64) -> sqlx::Result<bool> {
    if changed == 1 {
        announce(conn, id).await?;
    }
    Ok(changed == 1)
}
