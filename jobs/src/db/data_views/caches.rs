//! What is kept of others' answers.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What is kept of one provider's answers of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheRow {
    /// `quotes`, `bars`, `news` or `llm`.
    pub cache: String,
    /// Whose answers.
    pub provider: String,
    /// How many.
    pub entries: i64,
    /// How many of them are fresh enough to be used without asking anew.
    pub fresh: i64,
    /// The oldest's time.
    pub oldest: DateTime<Utc>,
    /// The newest's time.
    pub newest: DateTime<Utc>,
}

/// Returns what is kept, by cache and provider. Quotes are fresh for `fresh_s` seconds, bars for a
/// day, news always, answers of models until they expire.
pub async fn caches(conn: &mut PgConnection, fresh_s: f64) -> sqlx::Result<Vec<CacheRow>> {
    sqlx::query_as!(
        CacheRow,
        r#"select cache as "cache!", provider as "provider!", count(*) as "entries!",
                  count(*) filter (where fresh) as "fresh!", min(at) as "oldest!", max(at) as "newest!"
             from (select 'quotes' as cache, provider, fetched_at as at,
                          fetched_at > clock_timestamp() - make_interval(secs => $1) as fresh
                     from market_quotes
                   union all
                   select 'bars', provider, fetched_at, fetched_at > clock_timestamp() - interval '1 day'
                     from market_bars
                   union all
                   select 'news', provider, available_at, true
                     from news_items
                   union all
                   select 'llm', provider, created_at, expires_at > clock_timestamp()
                     from llm_cache) as kept
            group by cache, provider
            order by cache, provider"#,
        fresh_s
    )
    .fetch_all(conn)
    .await
}

/// Forgets quotes, bars and answers of models, of `provider` or of all; returns how many. News
/// stay: they are a record of what was known when.
pub async fn purge(conn: &mut PgConnection, provider: Option<&str>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"with quotes as (
               delete from market_quotes where $1::text is null or provider = $1 returning 1),
           bars as (
               delete from market_bars where $1::text is null or provider = $1 returning 1),
           answers as (
               delete from llm_cache where $1::text is null or provider = $1 returning 1)
           select (select count(*) from quotes) + (select count(*) from bars)
                  + (select count(*) from answers) as "purged!""#,
        provider
    )
    .fetch_one(conn)
    .await
}
