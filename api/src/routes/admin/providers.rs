//! How the processes find the services that they call.

use axum::{Json, extract::State};
use jobs::db::external_status::{self, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiResult,
    extract::{May, may::SystemRead},
    state::AppState,
    timestamp::text,
};

/// What one process says about one provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderItem {
    /// Such as `alpaca_trading`.
    provider: String,
    /// The process, as `host:pid`.
    process: String,
    /// `closed` (calls go through), `open` (none does) or `half_open` (one tries).
    breaker: String,
    since: String,
    last_error: Option<String>,
    seen_at: String,
}

impl From<Status> for ProviderItem {
    fn from(status: Status) -> Self {
        let Status { provider, process, breaker, since, last_error, seen_at } = status;
        Self { provider, process, breaker, since: text(since), last_error, seen_at: text(seen_at) }
    }
}

/// Lists each process's circuit breakers, as of the last half minute.
#[utoipa::path(
    get, path = "/api/admin/providers", tag = "admin", operation_id = "providers",
    responses((status = 200, body = [ProviderItem]), (status = 403, description = "Needs `system:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn providers(
    _operator: May<SystemRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<ProviderItem>>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(external_status::list(&mut conn).await?.into_iter().map(Into::into).collect()))
}
