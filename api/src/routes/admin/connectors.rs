//! The connectors in operators' hands: how they are, what they cost, what is kept of them.
//!
//! Keys are only ever said to be there or not.

mod cache;
mod health;
mod providers;
mod switch;
mod usage;

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiResult,
    extract::{May, may::AdminRead},
    routes::fusion::status::FusionStatus,
    state::AppState,
};

/// Returns the routes of this folder.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::keys))
        .routes(routes!(providers::status))
        .routes(routes!(usage::usage))
        .routes(routes!(cache::cache))
        .routes(routes!(cache::purge))
        .routes(routes!(switch::toggle))
        .routes(routes!(switch::force_refresh))
        .routes(routes!(fusion))
}

/// Returns what was fused, and from what.
#[utoipa::path(
    get, path = "/api/admin/data-fusion-status", tag = "admin", operation_id = "data_fusion_status",
    responses((status = 200, body = FusionStatus), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
async fn fusion(_operator: May<AdminRead>, State(state): State<AppState>) -> ApiResult<Json<FusionStatus>> {
    FusionStatus::read(&mut *state.pool.acquire().await?).await.map(Json)
}
