//! How much was fused, and from what; the analyses are in [`crate::db::fusion`].

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

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
