//! What was fused, and from what.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

/// All sources on one symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct FusedRow {
    /// About whom.
    pub symbol: String,
    /// -1 to 1.
    pub score: Decimal,
    /// `bullish`, `bearish` or `neutral`.
    pub signal: String,
    /// 0 to 1.
    pub confidence: Decimal,
    /// How far the sources agree, 0 to 1.
    pub agreement: Decimal,
    /// `excellent`, `good`, `fair` or `poor`.
    pub quality: String,
    /// `{source: weight}`.
    pub weights: Value,
    /// Sources that gave nothing: `[{source, reason}]`.
    pub missing: Value,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Returns the newest analysis of each of `symbols` (of all when empty) of the last day, by symbol;
/// at most `limit`.
pub async fn fused(conn: &mut PgConnection, symbols: &[String], limit: i64) -> sqlx::Result<Vec<FusedRow>> {
    sqlx::query_as!(
        FusedRow,
        "select distinct on (symbol) symbol, score, signal, confidence, agreement, quality, weights, missing,
                created_at
           from fused_analyses
          where (cardinality($1::text[]) = 0 or symbol = any ($1))
            and created_at > clock_timestamp() - interval '1 day'
          order by symbol, created_at desc
          limit $2",
        symbols,
        limit
    )
    .fetch_all(conn)
    .await
}

/// How the news speak of a symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct SentimentRow {
    /// About whom.
    pub symbol: String,
    /// -1 to 1.
    pub score: Decimal,
    /// 0 to 1.
    pub confidence: Decimal,
    /// `up`, `down` or `neutral`.
    pub trend: String,
    /// When it was so.
    pub as_of: DateTime<Utc>,
}

/// Returns the newest score of each of `symbols` of the last day, by symbol.
pub async fn newest_sentiment(
    conn: &mut PgConnection,
    symbols: &[String],
) -> sqlx::Result<Vec<SentimentRow>> {
    sqlx::query_as!(
        SentimentRow,
        "select distinct on (symbol) symbol, score, confidence, trend, as_of
           from sentiment_scores
          where symbol = any ($1) and created_at > clock_timestamp() - interval '1 day'
          order by symbol, created_at desc",
        symbols
    )
    .fetch_all(conn)
    .await
}

/// How much was fused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FusionTotals {
    /// The newest analysis, if there is one.
    pub last_at: Option<DateTime<Utc>>,
    /// Symbols with an analysis of the last day.
    pub symbols: i64,
    /// Analyses of the last day.
    pub analyses: i64,
    /// Those of quality excellent or good.
    pub well_founded: i64,
}

/// Returns how much was fused.
pub async fn totals(conn: &mut PgConnection) -> sqlx::Result<FusionTotals> {
    sqlx::query_as!(
        FusionTotals,
        r#"select (select max(created_at) from fused_analyses) as last_at,
                  count(distinct symbol) as "symbols!", count(*) as "analyses!",
                  count(*) filter (where quality in ('excellent', 'good')) as "well_founded!"
             from fused_analyses
            where created_at > clock_timestamp() - interval '1 day'"#
    )
    .fetch_one(conn)
    .await
}

/// What a source gave within the last day.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceShare {
    /// The source.
    pub source: String,
    /// How many analyses.
    pub analyses: i64,
    /// Of how many symbols.
    pub symbols: i64,
    /// Mean, 0 to 1.
    pub confidence: Decimal,
    /// Mean, 0 to 1.
    pub reliability: Decimal,
    /// The newest.
    pub last_at: DateTime<Utc>,
}

/// Returns what each source gave within the last day, by source.
pub async fn source_shares(conn: &mut PgConnection) -> sqlx::Result<Vec<SourceShare>> {
    sqlx::query_as!(
        SourceShare,
        r#"select source, count(*) as "analyses!", count(distinct symbol) as "symbols!",
                  avg(confidence) as "confidence!", avg(reliability) as "reliability!",
                  max(created_at) as "last_at!"
             from data_source_analysis
            where created_at > clock_timestamp() - interval '1 day'
            group by source
            order by source"#
    )
    .fetch_all(conn)
    .await
}
