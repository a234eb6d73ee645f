//! What is on a watchlist.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A symbol of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The list.
    pub watchlist_id: Uuid,
    /// The ticker, upper case.
    pub symbol: String,
    /// Text for people.
    pub notes: Option<String>,
    /// Words for people, in their order.
    pub tags: Vec<String>,
    /// When it was put on the list.
    pub added_at: DateTime<Utc>,
}

/// Returns the symbols of the user's lists, or of one, by list and in the order they were added.
pub async fn symbols(
    conn: &mut PgConnection,
    user_id: Uuid,
    watchlist_id: Option<Uuid>,
) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "select s.watchlist_id, s.symbol, s.notes, s.tags, s.added_at
           from watchlist_symbols s
           join watchlists w using (watchlist_id)
          where w.user_id = $1 and ($2::uuid is null or watchlist_id = $2)
          order by s.watchlist_id, s.added_at, s.symbol",
        user_id,
        watchlist_id
    )
    .fetch_all(conn)
    .await
}

/// Returns how many symbols a list has.
pub async fn count_symbols(conn: &mut PgConnection, watchlist_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from watchlist_symbols where watchlist_id = $1"#,
        watchlist_id
    )
    .fetch_one(conn)
    .await
}

/// Returns one symbol of the user's list.
pub async fn entry(
    conn: &mut PgConnection,
    user_id: Uuid,
    watchlist_id: Uuid,
    symbol: &str,
) -> sqlx::Result<Option<Entry>> {
    sqlx::query_as!(
        Entry,
        "select s.watchlist_id, s.symbol, s.notes, s.tags, s.added_at
           from watchlist_symbols s
           join watchlists w using (watchlist_id)
          where w.user_id = $1 and s.watchlist_id = $2 and s.symbol = $3",
        user_id,
        watchlist_id,
        symbol
    )
    .fetch_optional(conn)
    .await
}

/// Puts a symbol on a list, which the caller has found to be the user's; `None` when it is on it.
pub async fn add_symbol(
    conn: &mut PgConnection,
    watchlist_id: Uuid,
    symbol: &str,
    notes: Option<&str>,
    tags: &[String],
) -> sqlx::Result<Option<Entry>> {
    sqlx::query_as!(
        Entry,
        "with touched as (
             update watchlists set updated_at = clock_timestamp() where watchlist_id = $1)
         insert into watchlist_symbols (watchlist_id, symbol, notes, tags)
         values ($1, $2, $3, $4)
         on conflict (watchlist_id, symbol) do nothing
         returning watchlist_id, symbol, notes, tags, added_at",
        watchlist_id,
        symbol,
        notes,
        tags
    )
    .fetch_optional(conn)
    .await
}

/// Writes notes and tags over a symbol of the user's list; `None` when it is not there.
pub async fn update_symbol(
    conn: &mut PgConnection,
    user_id: Uuid,
    changed: &Entry,
) -> sqlx::Result<Option<Entry>> {
    sqlx::query_as!(
        Entry,
        "with own as (
             update watchlists set updated_at = clock_timestamp()
              where watchlist_id = $2 and user_id = $1
             returning watchlist_id)
         update watchlist_symbols s
            set notes = $4, tags = $5
           from own
          where s.watchlist_id = own.watchlist_id and s.symbol = $3
         returning s.watchlist_id, s.symbol, s.notes, s.tags, s.added_at",
        user_id,
        changed.watchlist_id,
        changed.symbol,
        changed.notes,
        &changed.tags,
    )
    .fetch_optional(conn)
    .await
}

/// Takes a symbol off the user's list; `false` when it was not on it.
pub async fn remove_symbol(
    conn: &mut PgConnection,
    user_id: Uuid,
    watchlist_id: Uuid,
    symbol: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "with own as (
             update watchlists set updated_at = clock_timestamp()
              where watchlist_id = $2 and user_id = $1
             returning watchlist_id)
         delete from watchlist_symbols s
          using own
          where s.watchlist_id = own.watchlist_id and s.symbol = $3",
        user_id,
        watchlist_id,
        symbol
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
