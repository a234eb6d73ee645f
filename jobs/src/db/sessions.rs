//! Sessions, found by the SHA-256 of their token. All clocks are the database's.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// The owner of a live session.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The user.
    pub user_id: Uuid,
    /// Name as shown.
    pub username: String,
    /// Mail address.
    pub email: Option<String>,
    /// Whether admin routes are open to the user.
    pub is_admin: bool,
}

/// A live session as its owner may see it.
#[derive(Debug, Clone)]
pub struct Session {
    /// SHA-256 of the token: names the session, does not open it.
    pub token_hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub expires_at: DateTime<Utc>,
    /// Address it was made from.
    pub address: Option<String>,
    /// Client it was made by.
    pub user_agent: Option<String>,
}

/// What a session is made from.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// SHA-256 of the token.
    pub token_hash: &'a [u8],
    /// Its owner.
    pub user_id: Uuid,
    /// Absolute life, in days.
    pub days: i64,
    /// Address of the client.
    pub address: Option<&'a str>,
    /// `User-Agent` of the client.
    pub user_agent: Option<&'a str>,
}

/// Makes a session.
pub async fn create(conn: &mut PgConnection, new: NewSession<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sessions (token_hash, user_id, expires_at, address, user_agent)
         values ($1, $2, clock_timestamp() + $3::bigint * interval '1 day', $4, $5)",
        new.token_hash,
        new.user_id,
        new.days,
        new.address,
        new.user_agent
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the owner of a session that is neither past its end nor idle for more than
/// `idle_hours`, and notes its use, at most once a minute.
pub async fn authenticate(
    conn: &mut PgConnection,
    token_hash: &[u8],
    idle_hours: i64,
) -> sqlx::Result<Option<Owner>> {
    let row = sqlx::query!(
        r#"select user_id, username, email, is_admin,
                  seen_at < clock_timestamp() - interval '1 minute' as "stale!"
             from sessions
             join users using (user_id)
            where token_hash = $1
              and expires_at > clock_timestamp()
              and seen_at > clock_timestamp() - $2::bigint * interval '1 hour'"#,
        token_hash,
        idle_hours
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.stale {
        sqlx::query!("update sessions set seen_at = clock_timestamp() where token_hash = $1", token_hash)
            .execute(conn)
            .await?;
    }
    Ok(Some(Owner { user_id: row.user_id, username: row.username, email: row.email, is_admin: row.is_admin }))
}

/// Returns a user's sessions that have not ended, newest first.
pub async fn list(conn: &mut PgConnection, user_id: Uuid, idle_hours: i64) -> sqlx::Result<Vec<Session>> {
    sqlx::query_as!(
        Session,
        "select token_hash, created_at, seen_at, expires_at, address, user_agent
           from sessions
          where user_id = $1
            and expires_at > clock_timestamp()
            and seen_at > clock_timestamp() - $2::bigint * interval '1 hour'
          order by created_at desc, token_hash",
        user_id,
        idle_hours
    )
    .fetch_all(conn)
    .await
}

/// Ends a session whoever owns it; returns the owner if there was one.
pub async fn end(conn: &mut PgConnection, token_hash: &[u8]) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("delete from sessions where token_hash = $1 returning user_id", token_hash)
        .fetch_optional(conn)
        .await
}

/// Ends one of the user's own sessions; `false` when it is not one.
pub async fn revoke(conn: &mut PgConnection, user_id: Uuid, token_hash: &[u8]) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("delete from sessions where user_id = $1 and token_hash = $2", user_id, token_hash)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of the user; returns how many there were.
pub async fn revoke_all(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from sessions where user_id = $1", user_id).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Removes sessions that have ended; returns how many.
pub async fn sweep(conn: &mut PgConnection, idle_hours: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from sessions
          where expires_at <= clock_timestamp()
             or seen_at <= clock_timestamp() - $1::bigint * interval '1 hour'",
        idle_hours
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
