//! Requests that may be sent again: the first one acts, a repetition gets its answer.
//!
//! The record, what the request did and its answer are one transaction, so a record without an
//! answer is only ever met by a request that comes while the first is still at work.

use serde_json::Value;
use sqlx::{PgConnection, error::DatabaseError};
use uuid::Uuid;

/// A request, as far as it must be the same.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who sent it.
    pub user_id: Uuid,
    /// The client's key.
    pub key: &'a str,
    /// Such as `POST`.
    pub method: &'a str,
    /// The path, without a query.
    pub path: &'a str,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is the first of its key: act, then [`finish`] in the same transaction.
    First,
    /// It was answered before.
    Answered {
        /// The status of that answer.
        status: u16,
        /// Its body.
        response: Value,
    },
    /// The key was used for another request: its method, path or body differs.
    Mismatch,
    /// The first one is still at work: come back later. The transaction can't go on.
    InFlight,
}

/// How long a request waits for the first one of its key.
const PATIENCE_MS: u32 = 2000;

/// Begins `request` in the caller's transaction, which also does what the request asks for.
pub async fn begin(conn: &mut PgConnection, request: &Request<'_>) -> sqlx::Result<Begun> {
    let patience = format!("{PATIENCE_MS}ms");
    let before = sqlx::query_scalar!(r#"select current_setting('lock_timeout') as "before!""#)
        .fetch_one(&mut *conn)
        .await?;
    set_lock_timeout(conn, &patience).await?;
    let inserted = sqlx::query!(
        "insert into idempotency_keys (user_id, key, method, path, body_hash)
         values ($1, $2, $3, $4, $5)
         on conflict (user_id, key) do nothing",
        request.user_id,
        request.key,
        request.method,
        request.path,
        &request.body_hash[..]
    )
    .execute(&mut *conn)
    .await;
    match inserted {
        Ok(done) => {
            set_lock_timeout(conn, &before).await?;
            if done.rows_affected() == 1 {
                return Ok(Begun::First);
            }
        }
        // The transaction is aborted; its caller has nothing to commit.
        Err(sqlx::Error::Database(error)) if waited_in_vain(&*error) => return Ok(Begun::InFlight),
        Err(error) => return Err(error),
    }
    let known = sqlx::query!(
        "select method, path, body_hash, status, response
           from idempotency_keys
          where user_id = $1 and key = $2",
        request.user_id,
        request.key
    )
    .fetch_optional(conn)
    .await?;
    // Gone: the first one was forgotten between the two statements.
    let Some(known) = known else { return Ok(Begun::InFlight) };
    if known.method != request.method || known.path != request.path || known.body_hash != request.body_hash {
        return Ok(Begun::Mismatch);
    }
    Ok(match (known.status.and_then(|status| u16::try_from(status).ok()), known.response) {
        (Some(status), Some(response)) => Begun::Answered { status, response },
        _ => Begun::InFlight,
    })
}

/// Keeps the answer of the request begun in this transaction.
pub async fn finish(
    conn: &mut PgConnection,
    user_id: Uuid,
    key: &str,
    status: u16,
    response: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update idempotency_keys
            set status = $3, response = $4, finished_at = clock_timestamp()
          where user_id = $1 and key = $2 and status is null",
        user_id,
        key,
        i16::try_from(status).unwrap_or(i16::MAX),
        response
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets up to `limit` keys older than `hours`; returns how many.
pub async fn prune(conn: &mut PgConnection, hours: i32, limit: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from idempotency_keys
          where (user_id, key) in (
                select user_id, key
                  from idempotency_keys
                 where created_at < clock_timestamp() - make_interval(hours => $1)
                 order by created_at
                 limit $2
                   for update skip locked)",
        hours,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

async fn set_lock_timeout(conn: &mut PgConnection, value: &str) -> sqlx::Result<()> {
    sqlx::query!(r#"select set_config('lock_timeout', $1, true) as "set!""#, value).fetch_one(conn).await?;
    Ok(())
}

fn waited_in_vain(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "55P03")
}
