//! Locks: no new exposure for a while, of a user or of everybody, in a symbol or in all.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::audit::{self, Entry};

/// A lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// Its id.
    pub id: Uuid,
    /// Whom it holds; `None`: everybody.
    pub user_id: Option<Uuid>,
    /// In what; `None`: in everything.
    pub symbol: Option<String>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub created_by: Option<Uuid>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A lock to be set.
#[derive(Debug, Clone, Copy)]
pub struct NewLock<'a> {
    /// Whom it holds; `None`: everybody.
    pub user_id: Option<Uuid>,
    /// In what; `None`: in everything.
    pub symbol: Option<&'a str>,
    /// For how long.
    pub lasting: Duration,
    /// Why.
    pub reason: &'a str,
}

/// Returns the locks that hold `user_id` now, those of everybody included.
pub async fn locks(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<Lock>> {
    sqlx::query_as!(
        Lock,
        "select lock_id as id, user_id, symbol, until, reason, created_by, created_at
           from risk_locks
          where (user_id = $1 or user_id is null)
            and until > clock_timestamp()
          order by until desc",
        user_id
    )
    .fetch_all(conn)
    .await
}

/// Returns the lock that holds `user_id` in `symbol` for the longest.
pub async fn active_locks(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
) -> sqlx::Result<Option<Lock>> {
    sqlx::query_as!(
        Lock,
        "select lock_id as id, user_id, symbol, until, reason, created_by, created_at
           from risk_locks
          where (user_id = $1 or user_id is null)
            and (symbol = $2 or symbol is null)
            and until > clock_timestamp()
          order by until desc
          limit 1",
        user_id,
        symbol
    )
    .fetch_optional(conn)
    .await
}

/// Sets a lock, audited, and returns its id.
pub async fn lock(conn: &mut PgConnection, actor_id: Option<Uuid>, new: &NewLock<'_>) -> sqlx::Result<Uuid> {
    let id = Uuid::now_v7();
    let until = sqlx::query_scalar!(
        "insert into risk_locks (lock_id, user_id, symbol, until, reason, created_by)
         values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4::float8), $5, $6)
         returning until",
        id,
        new.user_id,
        new.symbol,
        new.lasting.as_secs_f64(),
        new.reason,
        actor_id
    )
    .fetch_one(&mut *conn)
    .await?;
    audit::record(
        conn,
        Entry {
            actor_id,
            action: "set_risk_lock",
            resource: "risk_lock",
            resource_id: Some(id.to_string()),
            reason: Some(new.reason.to_owned()),
            after: Some(json!({ "userId": new.user_id, "symbol": new.symbol, "until": until })),
            ..Entry::default()
        },
    )
    .await?;
    Ok(id)
}

/// Ends a lock, audited; `false` when it holds nobody any more.
pub async fn unlock(conn: &mut PgConnection, actor_id: Option<Uuid>, id: Uuid) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "update risk_locks set until = clock_timestamp() where lock_id = $1 and until > clock_timestamp()",
        id
    )
    .execute(&mut *conn)
    .await?
    .rows_affected()
        == 1;
    if ended {
        audit::record(
            conn,
            Entry {
                actor_id,
                action: "end_risk_lock",
                resource: "risk_lock",
                resource_id: Some(id.to_string()),
                ..Entry::default()
            },
        )
        .await?;
    }
    Ok(ended)
}
