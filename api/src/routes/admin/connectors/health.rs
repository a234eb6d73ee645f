//! How the connectors are, and which of them have keys.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiResult,
    extract::{May, may::AdminRead},
    routes::connectors::{seen, view::ConnectorView},
    state::AppState,
    timestamp,
};

/// How many connectors of this platform stand how.
#[derive(Debug, Default, Serialize, ToSchema)]
struct ConnectorCounts {
    total: usize,
    active: usize,
    degraded: usize,
    inactive: usize,
    unknown: usize,
}

/// How the connectors of this platform are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectorsHealth {
    connectors: Vec<ConnectorView>,
    summary: ConnectorCounts,
    fetched_at: String,
}

/// Returns how the connectors of this platform are.
#[utoipa::path(
    get, path = "/api/admin/connectors-health", tag = "admin", operation_id = "connectors_health",
    responses((status = 200, body = ConnectorsHealth), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn health(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<ConnectorsHealth>> {
    let seen = seen::read(&mut *state.pool.acquire().await?, &state).await?;
    let connectors: Vec<ConnectorView> =
        seen.iter().filter(|seen| seen.ours).map(ConnectorView::from).collect();
    let mut summary = ConnectorCounts { total: connectors.len(), ..ConnectorCounts::default() };
    for view in &connectors {
        *match view.status() {
            "active" => &mut summary.active,
            "degraded" => &mut summary.degraded,
            "inactive" => &mut summary.inactive,
            _ => &mut summary.unknown,
        } += 1;
    }
    Ok(Json(ConnectorsHealth { connectors, summary, fetched_at: timestamp::now() }))
}

/// Whether a connector has a key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApiKeyPresence {
    id: &'static str,
    name: &'static str,
    /// Whether it works only with one.
    required: bool,
    has_api_key: bool,
}

/// Which connectors have keys; never which keys.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKeysStatus {
    keys: Vec<ApiKeyPresence>,
    /// Ids of those that need one and have none.
    missing: Vec<&'static str>,
    fetched_at: String,
}

/// Returns which connectors have keys, as workers say; never which keys.
#[utoipa::path(
    get, path = "/api/admin/api-keys-status", tag = "admin", operation_id = "api_keys_status",
    responses((status = 200, body = ApiKeysStatus), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn keys(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<ApiKeysStatus>> {
    let seen = seen::read(&mut *state.pool.acquire().await?, &state).await?;
    let keys: Vec<ApiKeyPresence> = seen
        .iter()
        .filter(|seen| seen.ours)
        .map(|seen| ApiKeyPresence {
            id: seen.known.id,
            name: seen.known.name,
            required: seen.known.needs_key,
            has_api_key: seen.has_key,
        })
        .collect();
    let missing = keys.iter().filter(|key| key.required && !key.has_api_key).map(|key| key.id).collect();
    Ok(Json(ApiKeysStatus { keys, missing, fetched_at: timestamp::now() }))
}
