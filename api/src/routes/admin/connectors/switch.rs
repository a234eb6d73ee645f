//! Switching a provider off and on, and having it asked now.

use axum::{Json, extract::State};
use jobs::{
    connector::{self, Known},
    db::{audit, connectors, data_views},
    kinds::probe_connectors::ProbeConnectors,
    queue::{Enqueue, enqueue},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::reason::{self, Reasoned};
use crate::{
    error::{ApiError, ApiResult},
    extract::{Body, May, Name, may::AdminWrite},
    routes::{
        connectors::{
            seen::{self, Seen},
            view::ConnectorView,
        },
        market,
    },
    state::AppState,
};

/// Symbols that one refresh is about.
const MOST: i64 = 50;

fn ours(id: &str) -> ApiResult<&'static Known> {
    connector::known(id).ok_or_else(|| ApiError::not_found("provider"))
}

/// Whether a provider may be asked, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": false, "reason": "its prices are a day old"}))]
pub(super) struct ToggleBody {
    enabled: Option<bool>,
    /// At most 500 characters.
    reason: Option<String>,
}

/// A provider's switch, as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Toggled {
    success: bool,
    provider: &'static str,
    enabled: bool,
    connector: ConnectorView,
}

/// Switches a provider on or off: workers ask it no more, and the next one in its place.
#[utoipa::path(
    patch, path = "/api/admin/provider/{provider}/toggle", tag = "admin", operation_id = "provider_toggle",
    params(("provider" = String, Path, description = "A connector's id, such as `polygon`")),
    request_body = ToggleBody,
    responses((status = 200, body = Toggled), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn toggle(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(id): Name,
    Body(body): Body<ToggleBody>,
) -> ApiResult<Json<Toggled>> {
    let known = ours(&id)?;
    let enabled =
        body.enabled.ok_or_else(|| ApiError::invalid_field("enabled", "enabled must be true or false"))?;
    let reason = reason::optional(body.reason.as_deref())?;
    let mut tx = state.pool.begin().await?;
    let before = seen::read(&mut tx, &state).await?;
    let before = before.iter().find(|seen| seen.known.id == known.id).is_none_or(Seen::enabled);
    connectors::set_enabled(&mut tx, known.id, enabled, operator.user_id).await?;
    let entry = audit::Entry {
        reason,
        before: Some(json!({ "enabled": before })),
        ..operator.entry("toggle_provider", "provider", known.id, json!({ "enabled": enabled }))
    };
    audit::record(&mut tx, entry).await?;
    let seen = seen::read(&mut tx, &state).await?;
    tx.commit().await?;
    let seen = seen.iter().find(|seen| seen.known.id == known.id);
    let connector = seen.map(ConnectorView::from).ok_or_else(|| ApiError::not_found("provider"))?;
    Ok(Json(Toggled { success: true, provider: known.id, enabled, connector }))
}

/// What was queued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ForcedRefresh {
    success: bool,
    provider: &'static str,
    /// The symbols whose last quote was the provider's; up to 50, oldest first.
    symbols: Vec<String>,
    /// The job; null when there is nothing to refresh.
    work_item_id: Option<Uuid>,
    /// The job that asks every connector how it is.
    probe_id: Uuid,
    message: &'static str,
}

/// Queues a refresh of the symbols whose last quote was the provider's, and a probe.
#[utoipa::path(
    post, path = "/api/admin/provider/{provider}/force-refresh", tag = "admin",
    operation_id = "provider_force_refresh",
    params(("provider" = String, Path, description = "A connector's id, such as `polygon`")),
    request_body = Reasoned,
    responses((status = 200, body = ForcedRefresh), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn force_refresh(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(id): Name,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<ForcedRefresh>> {
    let known = ours(&id)?;
    let reason = body.optional()?;
    let mut tx = state.pool.begin().await?;
    let mut symbols = data_views::symbols_from(&mut tx, known.id, MOST).await?;
    symbols.sort_unstable();
    let work_item_id = if symbols.is_empty() {
        None
    } else {
        let trace_id = operator.client.trace_id.as_deref();
        Some(market::refresh::enqueue_refresh(&mut tx, symbols.clone(), trace_id).await?)
    };
    let probe = enqueue(&mut tx, &ProbeConnectors {}, Enqueue::default()).await;
    let probe_id = probe.map_err(market::refresh::not_enqueued)?.job_id;
    let after = json!({ "symbols": symbols, "jobId": work_item_id, "probeId": probe_id });
    let entry =
        audit::Entry { reason, ..operator.entry("force_refresh_provider", "provider", known.id, after) };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    market::refresh::announce(&state);
    let message = if work_item_id.is_some() {
        "a refresh is queued"
    } else {
        "a probe is queued: there is nothing to refresh"
    };
    Ok(Json(ForcedRefresh { success: true, provider: known.id, symbols, work_item_id, probe_id, message }))
}
