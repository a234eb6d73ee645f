//! What is kept of others' answers, and forgetting it.

use axum::{Json, extract::State};
use jobs::{
    connector,
    db::{
        audit,
        data_views::{self, CacheRow},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::reason;
use crate::{
    error::{ApiError, ApiResult},
    extract::{
        Body, May,
        may::{AdminDanger, AdminRead},
    },
    routes::market::fresh::FRESH_S,
    state::AppState,
    timestamp,
};

/// What is kept of one provider's answers of one sort.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CacheItem {
    /// `quotes`, `bars`, `news` or `llm`.
    cache: String,
    provider: String,
    entries: i64,
    /// Those that are used without asking anew.
    fresh: i64,
    stale: i64,
    oldest: String,
    newest: String,
}

impl From<CacheRow> for CacheItem {
    fn from(row: CacheRow) -> Self {
        Self {
            cache: row.cache,
            provider: row.provider,
            entries: row.entries,
            fresh: row.fresh,
            stale: row.entries - row.fresh,
            oldest: timestamp::text(row.oldest),
            newest: timestamp::text(row.newest),
        }
    }
}

/// What is kept of others' answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiCache {
    total_entries: i64,
    fresh_entries: i64,
    stale_entries: i64,
    caches: Vec<CacheItem>,
    fetched_at: String,
}

/// Returns what is kept of others' answers.
#[utoipa::path(
    get, path = "/api/admin/api-cache", tag = "admin", operation_id = "api_cache",
    responses((status = 200, body = ApiCache), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn cache(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<ApiCache>> {
    let rows = data_views::caches(&mut *state.pool.acquire().await?, FRESH_S).await?;
    let total_entries = rows.iter().map(|row| row.entries).sum();
    let fresh_entries = rows.iter().map(|row| row.fresh).sum();
    Ok(Json(ApiCache {
        total_entries,
        fresh_entries,
        stale_entries: total_entries - fresh_entries,
        caches: rows.into_iter().map(CacheItem::from).collect(),
        fetched_at: timestamp::now(),
    }))
}

/// Whose answers to forget, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"provider": "yahoo", "reason": "prices before a split"}))]
pub(super) struct PurgeBody {
    /// A connector's id; all of them unless sent.
    provider: Option<String>,
    /// At most 500 characters.
    reason: Option<String>,
}

/// What was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Purged {
    success: bool,
    purged: i64,
}

/// Forgets quotes, bars and models' answers: they are asked for anew. News stay.
#[utoipa::path(
    post, path = "/api/admin/api-cache/purge", tag = "admin", operation_id = "api_cache_purge",
    request_body = PurgeBody,
    responses((status = 200, body = Purged), (status = 403, description = "Needs `admin:danger`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn purge(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Body(body): Body<PurgeBody>,
) -> ApiResult<Json<Purged>> {
    let reason = reason::optional(body.reason.as_deref())?;
    let provider = body.provider.as_deref();
    if let Some(id) = provider
        && connector::known(id).is_none()
    {
        return Err(ApiError::invalid_field("provider", format!("no provider is called {id:?}")));
    }
    let mut tx = state.pool.begin().await?;
    let purged = data_views::purge(&mut tx, provider).await?;
    let after = json!({ "provider": provider, "purged": purged });
    let entry =
        audit::Entry { reason, ..operator.entry("purge_cache", "cache", provider.unwrap_or("all"), after) };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Json(Purged { success: true, purged }))
}
