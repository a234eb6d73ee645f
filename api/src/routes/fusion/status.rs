//! Whether there is anything fused, and how new it is.

use axum::{Json, extract::State};
use jobs::db::data_views::{self, SourceShare};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::{error::ApiResult, extract::Actor, routes::market::worth::number, state::AppState, timestamp};

/// What a source gave within the last day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct FusionSource {
    source: String,
    analyses: i64,
    symbols: i64,
    /// Mean, 0 to 1.
    confidence: Option<f64>,
    /// Mean, 0 to 1.
    reliability: Option<f64>,
    last_at: String,
}

impl From<SourceShare> for FusionSource {
    fn from(share: SourceShare) -> Self {
        Self {
            source: share.source,
            analyses: share.analyses,
            symbols: share.symbols,
            confidence: number(Some(share.confidence)),
            reliability: number(Some(share.reliability)),
            last_at: timestamp::text(share.last_at),
        }
    }
}

/// Whether there is anything fused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct FusionStatus {
    /// Whether a symbol has an analysis of the last day.
    available: bool,
    /// The newest analysis, if there ever was one.
    last_fusion_time: Option<String>,
    /// Symbols with an analysis of the last day.
    cache_size: i64,
    /// Analyses of the last day.
    analyses: i64,
    /// Those of quality excellent or good.
    well_founded: i64,
    /// What they were made from.
    sources: Vec<FusionSource>,
}

impl FusionStatus {
    /// Reads it.
    pub(in crate::routes) async fn read(conn: &mut PgConnection) -> ApiResult<Self> {
        let totals = data_views::totals(conn).await?;
        let sources = data_views::source_shares(conn).await?;
        Ok(Self {
            available: totals.symbols > 0,
            last_fusion_time: totals.last_at.map(timestamp::text),
            cache_size: totals.symbols,
            analyses: totals.analyses,
            well_founded: totals.well_founded,
            sources: sources.into_iter().map(FusionSource::from).collect(),
        })
    }
}

/// Returns whether there is anything fused, and from what.
#[utoipa::path(
    get, path = "/api/data-fusion/status", operation_id = "data_fusion_status", tag = "data",
    responses((status = 200, body = FusionStatus)), security(("session" = []))
)]
pub(super) async fn status(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<FusionStatus>> {
    let _ = actor;
    FusionStatus::read(&mut *state.pool.acquire().await?).await.map(Json)
}

/// Another address of the data fusion's status.
#[utoipa::path(
    get, path = "/api/fusion/status", operation_id = "fusion_status", tag = "data",
    responses((status = 200, body = FusionStatus)), security(("session" = []))
)]
pub(super) async fn short(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<FusionStatus>> {
    let _ = actor;
    FusionStatus::read(&mut *state.pool.acquire().await?).await.map(Json)
}
