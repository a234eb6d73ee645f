//! Accounts. The password hash leaves this file only for the check at sign-in.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An account without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Key.
    pub user_id: Uuid,
    /// Name as shown; unique without regard to case.
    pub username: String,
    /// Mail address; unique without regard to case.
    pub email: Option<String>,
    /// Whether admin routes are open to the user.
    pub is_admin: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// An account and the PHC string of its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Argon2 PHC string.
    pub password_hash: String,
}

/// What a new account is made from.
#[derive(Debug, Clone, Copy)]
pub struct NewUser<'a> {
    /// Name as shown, already cleaned.
    pub username: &'a str,
    /// Mail address, already checked.
    pub email: Option<&'a str>,
    /// Argon2 PHC string.
    pub password_hash: &'a str,
    /// Whether admin routes are open to the user.
    pub is_admin: bool,
}

/// Why an account can't be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Another account has the name.
    #[error("username is already taken")]
    UsernameTaken,
    /// Another account has the mail address.
    #[error("email is already taken")]
    EmailTaken,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl CreateError {
    fn from_violation(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|error| error.constraint()) {
            Some("users_username") => Self::UsernameTaken,
            Some("users_email") => Self::EmailTaken,
            _ => Self::Database(error),
        }
    }
}

/// Makes an account.
pub async fn create(conn: &mut PgConnection, new: NewUser<'_>) -> Result<User, CreateError> {
    sqlx::query_as!(
        User,
        "insert into users (user_id, username, email, password_hash, is_admin)
         values ($1, $2, $3, $4, $5)
         returning user_id, username, email, is_admin, created_at",
        Uuid::now_v7(),
        new.username,
        new.email,
        new.password_hash,
        new.is_admin,
    )
    .fetch_one(conn)
    .await
    .map_err(CreateError::from_violation)
}

/// Sets the mail address of an account.
pub async fn set_email(conn: &mut PgConnection, user_id: Uuid, email: &str) -> Result<(), CreateError> {
    sqlx::query!(
        "update users set email = $2, updated_at = clock_timestamp() where user_id = $1",
        user_id,
        email
    )
    .execute(conn)
    .await
    .map_err(CreateError::from_violation)?;
    Ok(())
}

/// Returns whether an account has the name, without regard to case.
pub async fn username_taken(conn: &mut PgConnection, username: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select 1 from users where lower(username) = lower($1)) as "taken!""#,
        username
    )
    .fetch_one(conn)
    .await
}

/// Returns the account of a name, without regard to case, with its password hash.
pub async fn credentials(conn: &mut PgConnection, username: &str) -> sqlx::Result<Option<Credentials>> {
    let row = sqlx::query!(
        "select user_id, username, email, is_admin, created_at, password_hash
           from users
          where lower(username) = lower($1)",
        username
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Credentials {
        user: User {
            user_id: row.user_id,
            username: row.username,
            email: row.email,
            is_admin: row.is_admin,
            created_at: row.created_at,
        },
        password_hash: row.password_hash,
    }))
}

/// Replaces the password hash `old` by `new`; `false` when it has changed meanwhile.
pub async fn replace_password(
    conn: &mut PgConnection,
    user_id: Uuid,
    old: &str,
    new: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update users
            set password_hash = $3, updated_at = clock_timestamp()
          where user_id = $1 and password_hash = $2",
        user_id,
        old,
        new
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
