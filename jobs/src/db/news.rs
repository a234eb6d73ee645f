//! SQL of news, and of what they say about a symbol.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::sentiment::Article;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::fusion::rounded;

/// A piece of news to be recorded, as plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewItem {
    /// The provider's id of it.
    pub provider_news_id: String,
    /// Its title.
    pub headline: String,
    /// Its beginning.
    pub summary: Option<String>,
    /// Who wrote it.
    pub source: Option<String>,
    /// Where it can be read.
    pub url: Option<String>,
    /// Whom it is about.
    pub symbols: Vec<String>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// -1 to 1; `None` when no word of it is known.
    pub score: Option<Decimal>,
}

/// A piece of news.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Its id.
    pub news_id: Uuid,
    /// Who gave it.
    pub provider: String,
    /// Its title, as plain text.
    pub headline: String,
    /// Its beginning, as plain text.
    pub summary: Option<String>,
    /// Who wrote it.
    pub source: Option<String>,
    /// Where it can be read.
    pub url: Option<String>,
    /// Whom it is about.
    pub symbols: Vec<String>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// -1 to 1; `None` when no word of it is known.
    pub score: Option<Decimal>,
}

/// What the news of one source say about a symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentiment {
    /// Its id.
    pub sentiment_id: Uuid,
    /// About whom.
    pub symbol: String,
    /// Whose news.
    pub source: String,
    /// -1 to 1.
    pub score: Decimal,
    /// 0 to 1.
    pub confidence: Decimal,
    /// How many articles counted.
    pub articles: i32,
    /// `up`, `down` or `neutral`.
    pub trend: String,
    /// Why, for people.
    pub explanation: String,
    /// When it was so.
    pub as_of: DateTime<Utc>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

/// Returns the newest score of every source about each of `symbols` (about all when empty), by symbol
/// and source; at most `limit`.
pub async fn sentiments(
    conn: &mut PgConnection,
    symbols: &[String],
    limit: i64,
) -> sqlx::Result<Vec<Sentiment>> {
    sqlx::query_as!(
        Sentiment,
        "select distinct on (symbol, source) sentiment_id, symbol, source, score, confidence, articles, trend,
                explanation, as_of, created_at
           from sentiment_scores
          where cardinality($1::text[]) = 0 or symbol = any ($1)
          order by symbol, source, created_at desc
          limit $2",
        symbols,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns the newest score of any source about each of `symbols`, of the last day, by symbol.
pub async fn newest_sentiments(conn: &mut PgConnection, symbols: &[String]) -> sqlx::Result<Vec<Sentiment>> {
    sqlx::query_as!(
        Sentiment,
        "select distinct on (symbol) sentiment_id, symbol, source, score, confidence, articles, trend,
                explanation, as_of, created_at
           from sentiment_scores
          where symbol = any ($1) and created_at > clock_timestamp() - interval '1 day'
          order by symbol, created_at desc",
        symbols
    )
    .fetch_all(conn)
    .await
}

/// Returns up to `limit` pieces of news about any of `symbols` (about all when empty), newest first.
pub async fn recent(conn: &mut PgConnection, symbols: &[String], limit: i64) -> sqlx::Result<Vec<Item>> {
    sqlx::query_as!(
        Item,
        "select news_id, provider, headline, summary, source, url, symbols, published_at, score
           from news_items
          where cardinality($1::text[]) = 0 or symbols && $1
          order by published_at desc, news_id
          limit $2",
        symbols,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns the newest score of the symbol's news, no older than `age`.
pub async fn latest_score(
    conn: &mut PgConnection,
    symbol: &str,
    age: Duration,
) -> sqlx::Result<Option<Decimal>> {
    sqlx::query_scalar!(
        "select score
           from sentiment_scores
          where symbol = $1 and created_at > clock_timestamp() - make_interval(secs => $2)
          order by created_at desc
          limit 1",
        symbol,
        age.as_secs_f64()
    )
    .fetch_optional(conn)
    .await
}

/// Returns the newest headlines about the symbol, of news that became available within two days.
pub async fn headlines(conn: &mut PgConnection, symbol: &str, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select headline
           from news_items
          where symbols @> array[$1::text] and available_at > clock_timestamp() - interval '2 days'
          order by published_at desc
          limit $2",
        symbol,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Records news of `provider`; what is known already is scored again. Returns how many were new.
pub async fn store(conn: &mut PgConnection, provider: &str, items: &[NewItem]) -> sqlx::Result<usize> {
    let mut new = 0;
    for item in items {
        let known = sqlx::query_scalar!(
            r#"insert into news_items as n
                      (news_id, provider, provider_news_id, headline, summary, source, url, symbols,
                       published_at, available_at, score, scored_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, clock_timestamp())
               on conflict (provider, provider_news_id) do update
                  set headline = excluded.headline, summary = excluded.summary, score = excluded.score,
                      scored_at = excluded.scored_at,
                      symbols = (select array_agg(distinct symbol order by symbol)
                                   from unnest(n.symbols || excluded.symbols) as symbol)
               returning xmax::text <> '0' as "known!""#,
            Uuid::now_v7(),
            provider,
            item.provider_news_id,
            item.headline,
            item.summary,
            item.source,
            item.url,
            &item.symbols,
            item.published_at,
            item.score
        )
        .fetch_one(&mut *conn)
        .await?;
        new += usize::from(!known);
    }
    Ok(new)
}

/// Returns what `provider`'s articles about `symbol` since `since` were scored.
pub async fn articles(
    conn: &mut PgConnection,
    provider: &str,
    symbol: &str,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<Article>> {
    let rows = sqlx::query!(
        r#"select score as "score!", published_at
             from news_items
            where provider = $1 and symbols @> array[$2] and published_at >= $3 and score is not null"#,
        provider,
        symbol,
        since
    )
    .fetch_all(conn)
    .await?;
    let article = |score: Decimal, published_at| Article {
        score: score.to_f64().unwrap_or_default(),
        confidence: 1.0,
        published_at,
    };
    Ok(rows.into_iter().map(|row| article(row.score, row.published_at)).collect())
}

/// Records what the news of `source` say about `symbol` at `as_of`.
pub async fn store_sentiment(
    conn: &mut PgConnection,
    symbol: &str,
    source: &str,
    found: &domain::sentiment::Aggregate,
    as_of: DateTime<Utc>,
) -> sqlx::Result<()> {
    let conflict = if found.conflict { ", which contradict each other" } else { "" };
    let explanation = format!(
        "{} articles of {source}{conflict}: {:+.2} on average, newer ones weighing more",
        found.articles, found.score
    );
    sqlx::query!(
        "insert into sentiment_scores
                (sentiment_id, symbol, source, score, confidence, articles, trend, explanation, as_of)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        Uuid::now_v7(),
        symbol,
        source,
        rounded(found.score),
        rounded(found.confidence),
        i32::try_from(found.articles).unwrap_or(i32::MAX),
        found.trend.as_str(),
        explanation,
        as_of
    )
    .execute(conn)
    .await?;
    Ok(())
}
