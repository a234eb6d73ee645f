//! Answers of connectors that could not be used.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An answer that was put away.
#[derive(Debug, Clone, PartialEq)]
pub struct Quarantined {
    /// Whose it is.
    pub connector: String,
    /// What was asked for.
    pub endpoint: String,
    /// About what.
    pub symbol: Option<String>,
    /// `malformed`, `stale` or `implausible`.
    pub code: String,
    /// What is wrong with it.
    pub reason: String,
    /// Its beginning, at most 2 kB.
    pub excerpt: Option<String>,
    /// When it came.
    pub created_at: DateTime<Utc>,
}

/// Puts an answer away.
pub(crate) async fn put(conn: &mut PgConnection, one: &Quarantined) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into quarantined_data
                (quarantine_id, connector, endpoint, symbol, code, reason, excerpt, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        Uuid::now_v7(),
        one.connector,
        one.endpoint,
        one.symbol,
        one.code,
        one.reason,
        one.excerpt,
        one.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the last `limit` answers that were put away, newest first.
pub async fn recent(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Quarantined>> {
    sqlx::query_as!(
        Quarantined,
        "select connector, endpoint, symbol, code, reason, excerpt, created_at
           from quarantined_data
          order by created_at desc
          limit $1",
        limit
    )
    .fetch_all(conn)
    .await
}

/// Forgets what was put away more than `days` days ago, at most `limit` rows; returns how many.
pub(crate) async fn prune(conn: &mut PgConnection, days: i32, limit: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from quarantined_data
          where quarantine_id in (select quarantine_id
                                    from quarantined_data
                                   where created_at < clock_timestamp() - make_interval(days => $1)
                                   limit $2)",
        days,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
