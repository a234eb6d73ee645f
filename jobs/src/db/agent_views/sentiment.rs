//! What the news say about symbols.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// A score of one source about one symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct SentimentRow {
    /// Its id.
    pub id: Uuid,
    /// About whom.
    pub symbol: String,
    /// Whose news.
    pub source: String,
    /// -1 to 1.
    pub score: Decimal,
    /// 0 to 1.
    pub confidence: Decimal,
    /// How many articles it was made from.
    pub articles: i32,
    /// `up`, `down` or `neutral`.
    pub trend: String,
    /// Why, for people.
    pub explanation: String,
    /// When it was so.
    pub as_of: DateTime<Utc>,
}

/// Returns the newest score of every source about each of `symbols`, about all when empty, by
/// symbol; at most `limit`.
pub async fn sentiment(
    conn: &mut PgConnection,
    symbols: &[String],
    limit: i64,
) -> sqlx::Result<Vec<SentimentRow>> {
    sqlx::query_as!(
        SentimentRow,
        "select distinct on (symbol, source) sentiment_id as id, symbol, source, score, confidence, articles,
                trend, explanation, as_of
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
