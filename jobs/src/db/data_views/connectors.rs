//! What became of the connectors' calls, all endpoints together. Their rows and switches are in
//! [`crate::db::connectors`].

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What became of the calls of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its id.
    pub connector: String,
    /// All calls.
    pub requests: i64,
    /// Those that brought something usable.
    pub succeeded: i64,
    /// Those that did not.
    pub failed: i64,
    /// Those that met a rate limit.
    pub rate_limited: i64,
    /// Answers that were malformed, or too old.
    pub quarantined: i64,
    /// Times that it answered in the place of others.
    pub fallbacks: i64,
    /// Milliseconds of all calls together.
    pub latency_sum_ms: i64,
    /// Milliseconds of the slowest.
    pub latency_max_ms: i32,
    /// What was last wrong.
    pub last_error: Option<String>,
    /// When it was.
    pub last_error_at: Option<DateTime<Utc>>,
}

/// Returns what became of the connectors' calls of the last `days` days (UTC), today included.
pub async fn shares(conn: &mut PgConnection, days: i32) -> sqlx::Result<Vec<Share>> {
    sqlx::query_as!(
        Share,
        r#"select connector, sum(total_requests)::bigint as "requests!", sum(success_count)::bigint as "succeeded!",
                  sum(failure_count)::bigint as "failed!", sum(rate_limit_hits)::bigint as "rate_limited!",
                  sum(quarantined)::bigint as "quarantined!", sum(fallback_used)::bigint as "fallbacks!",
                  sum(latency_sum_ms)::bigint as "latency_sum_ms!", max(latency_max_ms) as "latency_max_ms!",
                  (array_agg(last_error order by last_error_at desc nulls last))[1] as last_error,
                  max(last_error_at) as last_error_at
             from connector_metrics
            where day > (clock_timestamp() at time zone 'UTC')::date - $1::integer
            group by connector
            order by connector"#,
        days
    )
    .fetch_all(conn)
    .await
}

/// Returns the same of the language models' providers, from their calls; an answer out of the
/// cache is no call.
pub async fn llm_shares(conn: &mut PgConnection, days: i32) -> sqlx::Result<Vec<Share>> {
    sqlx::query_as!(
        Share,
        r#"select provider as connector, count(*) as "requests!",
                  count(*) filter (where status = 'ok') as "succeeded!",
                  count(*) filter (where status in ('failed', 'refused', 'invalid')) as "failed!",
                  0::bigint as "rate_limited!", count(*) filter (where status = 'invalid') as "quarantined!",
                  0::bigint as "fallbacks!", coalesce(sum(latency_ms), 0)::bigint as "latency_sum_ms!",
                  coalesce(max(latency_ms), 0) as "latency_max_ms!",
                  (array_agg(error order by created_at desc) filter (where error is not null))[1] as last_error,
                  max(created_at) filter (where error is not null) as last_error_at
             from llm_calls
            where created_at > clock_timestamp() - make_interval(days => $1)
              and status in ('ok', 'failed', 'refused', 'invalid')
            group by provider
            order by provider"#,
        days
    )
    .fetch_all(conn)
    .await
}

/// How much of a provider's answers is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// Whose.
    pub provider: String,
    /// Quotes, bars, news and models' answers.
    pub entries: i64,
}

/// Returns how much is kept of each provider's answers.
pub async fn keeping(conn: &mut PgConnection) -> sqlx::Result<Vec<Keeping>> {
    sqlx::query_as!(
        Keeping,
        r#"select provider as "provider!", count(*) as "entries!"
             from (select provider from market_quotes
                   union all
                   select provider from market_bars
                   union all
                   select provider from news_items
                   union all
                   select provider from llm_cache) as kept
            group by provider
            order by provider"#
    )
    .fetch_all(conn)
    .await
}

/// Returns the providers that the whole fleet keeps away from, and until when.
pub async fn blocked(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        "select provider, blocked_until
           from external_limits
          where blocked_until > clock_timestamp()
          order by provider"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.provider, row.blocked_until)).collect())
}
