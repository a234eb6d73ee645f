//! Watchlists. Every function takes the owner: nobody reaches another's row.

mod symbols;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

pub use symbols::{Entry, add_symbol, count_symbols, entry, remove_symbol, symbols, update_symbol};

/// A list's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watchlist {
    /// Key.
    pub watchlist_id: Uuid,
    /// Name as shown, not unique.
    pub name: String,
    /// Text for people.
    pub description: Option<String>,
    /// Whether it is the one that is shown first; at most one of a user's is.
    pub is_default: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it or its symbols were last changed.
    pub updated_at: DateTime<Utc>,
}

/// Keeps other changes of the user's lists away until the transaction ends, and returns how many
/// lists there are.
pub async fn lock(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select user_id from users where user_id = $1 for no key update", user_id)
        .fetch_optional(&mut *conn)
        .await?;
    sqlx::query_scalar!(r#"select count(*) as "count!" from watchlists where user_id = $1"#, user_id)
        .fetch_one(conn)
        .await
}

/// Returns the user's lists, oldest first.
pub async fn list(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<Watchlist>> {
    sqlx::query_as!(
        Watchlist,
        "select watchlist_id, name, description, is_default, created_at, updated_at
           from watchlists
          where user_id = $1
          order by created_at, watchlist_id",
        user_id
    )
    .fetch_all(conn)
    .await
}

/// Returns the user's list.
pub async fn get(
    conn: &mut PgConnection,
    user_id: Uuid,
    watchlist_id: Uuid,
) -> sqlx::Result<Option<Watchlist>> {
    sqlx::query_as!(
        Watchlist,
        "select watchlist_id, name, description, is_default, created_at, updated_at
           from watchlists
          where watchlist_id = $2 and user_id = $1",
        user_id,
        watchlist_id
    )
    .fetch_optional(conn)
    .await
}

/// Adds a list; when it is the default one, no other is any more. Call [`lock`] before.
pub async fn create(
    conn: &mut PgConnection,
    user_id: Uuid,
    name: &str,
    description: Option<&str>,
    is_default: bool,
) -> sqlx::Result<Watchlist> {
    let watchlist_id = Uuid::now_v7();
    if is_default {
        only_default(conn, user_id, watchlist_id).await?;
    }
    sqlx::query_as!(
        Watchlist,
        "insert into watchlists (watchlist_id, user_id, name, description, is_default)
         values ($1, $2, $3, $4, $5)
         returning watchlist_id, name, description, is_default, created_at, updated_at",
        watchlist_id,
        user_id,
        name,
        description,
        is_default,
    )
    .fetch_one(conn)
    .await
}

/// Writes name, description and default over the user's list; `None` when there is none. Call
/// [`lock`] before.
pub async fn update(
    conn: &mut PgConnection,
    user_id: Uuid,
    changed: &Watchlist,
) -> sqlx::Result<Option<Watchlist>> {
    if changed.is_default {
        only_default(conn, user_id, changed.watchlist_id).await?;
    }
    sqlx::query_as!(
        Watchlist,
        "update watchlists
            set name = $3, description = $4, is_default = $5, updated_at = clock_timestamp()
          where watchlist_id = $2 and user_id = $1
         returning watchlist_id, name, description, is_default, created_at, updated_at",
        user_id,
        changed.watchlist_id,
        changed.name,
        changed.description,
        changed.is_default,
    )
    .fetch_optional(conn)
    .await
}

/// Deletes the user's list and its symbols; `false` when there is none.
pub async fn delete(conn: &mut PgConnection, user_id: Uuid, watchlist_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from watchlists where watchlist_id = $2 and user_id = $1",
        user_id,
        watchlist_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the default from the user's other lists.
async fn only_default(conn: &mut PgConnection, user_id: Uuid, watchlist_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update watchlists
            set is_default = false, updated_at = clock_timestamp()
          where user_id = $1 and watchlist_id <> $2 and is_default",
        user_id,
        watchlist_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
