//! Who may do what besides owning rows: administrators, and keys for programs. A key itself
//! is shown once; only its SHA-256 is kept.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A key without its secret.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ApiKey {
    pub api_key_id: Uuid,
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// To the minute.
    pub used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a key is made from.
#[derive(Debug, Clone, Copy)]
pub struct NewApiKey<'a> {
    /// Unique among the keys that are not revoked.
    pub name: &'a str,
    /// SHA-256 of the key's text.
    pub key_hash: &'a [u8],
    /// Names of capabilities.
    pub scopes: &'a [String],
    /// Its life, in days.
    pub days: i32,
}

/// Why a key can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// Another key has the name.
    #[error("an API key is named so already: revoke it first")]
    NameTaken,
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a key.
pub async fn create_api_key(conn: &mut PgConnection, new: NewApiKey<'_>) -> Result<ApiKey, ApiKeyError> {
    sqlx::query_as!(
        ApiKey,
        "insert into api_keys (api_key_id, name, key_hash, scopes, expires_at)
         values ($1, $2, $3, $4, clock_timestamp() + make_interval(days => $5))
         returning api_key_id, name, scopes, created_at, expires_at, used_at, revoked_at",
        Uuid::now_v7(),
        new.name,
        new.key_hash,
        new.scopes,
        new.days,
    )
    .fetch_one(conn)
    .await
    .map_err(|error| match error.as_database_error().and_then(|error| error.constraint()) {
        Some("api_keys_name") => ApiKeyError::NameTaken,
        _ => error.into(),
    })
}

/// Returns every key, newest first.
pub async fn api_keys(conn: &mut PgConnection) -> sqlx::Result<Vec<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        "select api_key_id, name, scopes, created_at, expires_at, used_at, revoked_at
           from api_keys
          order by created_at desc, api_key_id"
    )
    .fetch_all(conn)
    .await
}

/// Revokes the key of a name; `None` when there is none in force.
pub async fn revoke_api_key(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        "update api_keys set revoked_at = clock_timestamp()
          where name = $1 and revoked_at is null
         returning api_key_id, name, scopes, created_at, expires_at, used_at, revoked_at",
        name
    )
    .fetch_optional(conn)
    .await
}

/// Returns the key of a digest that is neither expired nor revoked, and notes its use, at most
/// once a minute.
pub async fn authenticate_api_key(conn: &mut PgConnection, key_hash: &[u8]) -> sqlx::Result<Option<ApiKey>> {
    let key = sqlx::query_as!(
        ApiKey,
        "select api_key_id, name, scopes, created_at, expires_at, used_at, revoked_at
           from api_keys
          where key_hash = $1 and revoked_at is null and expires_at > clock_timestamp()",
        key_hash
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(key) = &key {
        sqlx::query!(
            "update api_keys set used_at = clock_timestamp()
              where api_key_id = $1
                and (used_at is null or used_at < clock_timestamp() - interval '1 minute')",
            key.api_key_id
        )
        .execute(conn)
        .await?;
    }
    Ok(key)
}

/// Makes a user an administrator, or an ordinary user again. Returns the id and whether they
/// were one before; `None` when there is no such user.
pub async fn set_admin(
    conn: &mut PgConnection,
    username: &str,
    is_admin: bool,
) -> sqlx::Result<Option<(Uuid, bool)>> {
    let user = sqlx::query!(
        "select user_id, is_admin from users where lower(username) = lower($1) for update",
        username
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(user) = user else { return Ok(None) };
    sqlx::query!(
        "update users set is_admin = $2, updated_at = clock_timestamp() where user_id = $1",
        user.user_id,
        is_admin
    )
    .execute(conn)
    .await?;
    Ok(Some((user.user_id, user.is_admin)))
}
