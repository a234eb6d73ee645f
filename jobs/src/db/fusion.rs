//! SQL of what several sources say about a symbol.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::fusion::{Fused, Missing, Signal, View};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

/// A view and the data that it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What the source says.
    pub view: View,
    /// What it was made from.
    pub data: Value,
}

/// A fused analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Its id.
    pub fused_id: Uuid,
    /// Of which symbol.
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
    /// `{source: weight}`, shares of 1.
    pub weights: Value,
    /// Sources that gave nothing: `[{source, reason}]`.
    pub missing: Value,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One source's part of a fused analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceAnalysis {
    /// Its id.
    pub analysis_id: Uuid,
    /// Of which symbol.
    pub symbol: String,
    /// Who gave the data.
    pub source: String,
    /// What was made of it.
    pub analysis_type: String,
    /// The data.
    pub data: Value,
    /// -1 to 1.
    pub score: Option<Decimal>,
    /// `bullish`, `bearish` or `neutral`.
    pub signal: String,
    /// 0 to 1.
    pub confidence: Decimal,
    /// 0 to 1.
    pub reliability: Decimal,
    /// What it speaks of.
    pub event_at: DateTime<Utc>,
    /// Since when it could be known.
    pub available_at: DateTime<Utc>,
}

/// Returns a figure of arithmetic as it is kept: four places; no number is zero.
pub(super) fn rounded(value: f64) -> Decimal {
    Decimal::from_f64_retain(value).unwrap_or_default().round_dp(4)
}

/// Returns the newest analysis of each of `symbols` that has one of the last day, by symbol.
pub async fn newest(conn: &mut PgConnection, symbols: &[String]) -> sqlx::Result<Vec<Analysis>> {
    sqlx::query_as!(
        Analysis,
        "select distinct on (symbol) fused_id, symbol, score, signal, confidence, agreement, quality, weights,
                missing, created_at
           from fused_analyses
          where symbol = any ($1) and created_at > clock_timestamp() - interval '1 day'
          order by symbol, created_at desc",
        symbols
    )
    .fetch_all(conn)
    .await
}

/// Returns the newest score of all sources together, no older than `age`.
pub async fn latest_score(
    conn: &mut PgConnection,
    symbol: &str,
    age: Duration,
) -> sqlx::Result<Option<Decimal>> {
    sqlx::query_scalar!(
        "select score
           from fused_analyses
          where symbol = $1 and created_at > clock_timestamp() - make_interval(secs => $2)
          order by created_at desc
          limit 1",
        symbol,
        age.as_secs_f64()
    )
    .fetch_optional(conn)
    .await
}

/// Returns what each source had to say in an analysis, by source and type.
pub async fn analyses_of(conn: &mut PgConnection, fused_id: Uuid) -> sqlx::Result<Vec<SourceAnalysis>> {
    sqlx::query_as!(
        SourceAnalysis,
        "select analysis_id, symbol, source, analysis_type, data, score, signal, confidence, reliability,
                event_at, available_at
           from data_source_analysis
          where fused_id = $1
          order by source, analysis_type",
        fused_id
    )
    .fetch_all(conn)
    .await
}

/// Records an analysis under `fused_id`, with what each source said and who gave nothing.
pub async fn store(
    conn: &mut PgConnection,
    fused_id: Uuid,
    symbol: &str,
    fused: &Fused,
    findings: &[Finding],
    missing: &[Missing],
) -> sqlx::Result<()> {
    let weights: Value =
        fused.weights.iter().map(|(source, weight)| (source.clone(), json!(weight))).collect();
    let missing = json!([missing, &fused.refused].concat());
    sqlx::query!(
        "insert into fused_analyses
                (fused_id, symbol, score, signal, confidence, agreement, quality, weights, missing)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        fused_id,
        symbol,
        rounded(fused.score),
        fused.signal.as_str(),
        rounded(fused.confidence),
        rounded(fused.agreement),
        fused.quality.as_str(),
        weights,
        missing
    )
    .execute(&mut *conn)
    .await?;
    for finding in findings {
        store_finding(conn, fused_id, symbol, finding).await?;
    }
    Ok(())
}

async fn store_finding(
    conn: &mut PgConnection,
    fused_id: Uuid,
    symbol: &str,
    finding: &Finding,
) -> sqlx::Result<()> {
    let view = &finding.view;
    sqlx::query!(
        "insert into data_source_analysis
                (analysis_id, fused_id, symbol, source, analysis_type, data, score, signal, confidence,
                 reliability, event_at, available_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        Uuid::now_v7(),
        fused_id,
        symbol,
        view.source,
        view.analysis_type,
        finding.data,
        rounded(view.score.clamp(-1.0, 1.0)),
        Signal::of(view.score).as_str(),
        rounded(view.confidence.clamp(0.0, 1.0)),
        rounded(view.reliability.clamp(0.0, 1.0)),
        view.event_at,
        view.available_at
    )
    .execute(conn)
    .await?;
    Ok(())
}
