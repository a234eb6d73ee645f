//! Fleet-wide limits by key.

use axum::{Json, extract::State};
use jobs::{
    db::audit,
    queue::{
        inspect::{self, COUNT_CAP, LimitView},
        operate::{self, LimitSettings},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{reason, view::CountView};
use crate::{
    error::{ApiError, ApiResult},
    extract::{
        Body, May, Name,
        may::{AdminRead, AdminWrite},
    },
    routes::auth::Done,
    state::AppState,
    timestamp,
};

const LONGEST_KEY: usize = 200;

/// The limits of a key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "key": "broker:alpaca", "maxRunning": 4, "ratePerMinute": 200, "running": 3, "admitted": 1,
    "blocked": {"count": 12, "approximate": false}, "updatedAt": "2026-01-02T03:04:05.678Z"
}))]
pub(super) struct LimitItem {
    key: String,
    max_running: Option<i32>,
    rate_per_minute: Option<i32>,
    running: i64,
    /// Let through, but not claimed yet; these count too.
    admitted: i64,
    /// Held back by the limit, by their turn or by others.
    blocked: CountView,
    updated_at: String,
}

impl From<LimitView> for LimitItem {
    fn from(limit: LimitView) -> Self {
        let blocked =
            inspect::Count { count: limit.blocked.min(COUNT_CAP), approximate: limit.blocked > COUNT_CAP };
        Self {
            key: limit.limit_key,
            max_running: limit.max_running,
            rate_per_minute: limit.rate_per_minute,
            running: limit.running,
            admitted: limit.admitted,
            blocked: blocked.into(),
            updated_at: timestamp::text(limit.updated_at),
        }
    }
}

/// Lists the limits by key.
#[utoipa::path(
    get, path = "/api/admin/limits", tag = "admin", operation_id = "limits",
    responses((status = 200, body = [LimitItem]), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn list(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<LimitItem>>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(inspect::limits(&mut conn).await?.into_iter().map(Into::into).collect()))
}

/// Returns the limits of a key.
#[utoipa::path(
    get, path = "/api/admin/limits/{key}", tag = "admin", params(("key" = String, Path)),
    operation_id = "limit",
    responses((status = 200, body = LimitItem), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn one(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Name(key): Name,
) -> ApiResult<Json<LimitItem>> {
    let mut conn = state.pool.acquire().await?;
    let limit = inspect::limit(&mut conn, &key).await?;
    limit.map(|limit| Json(limit.into())).ok_or_else(|| ApiError::not_found("limit"))
}

/// What a key's jobs may do together; at least one is set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"maxRunning": 4, "ratePerMinute": 200}))]
pub(super) struct LimitBody {
    /// Most jobs at the same time, 0 or more.
    max_running: Option<i32>,
    /// Most jobs within any minute, 1 or more.
    rate_per_minute: Option<i32>,
    /// At most 500 characters.
    reason: Option<String>,
}

impl LimitBody {
    fn settings(&self) -> ApiResult<LimitSettings> {
        if self.max_running.is_none() && self.rate_per_minute.is_none() {
            return Err(ApiError::invalid_field("maxRunning", "set maxRunning, ratePerMinute or both"));
        }
        if let Some(most) = self.max_running.filter(|most| *most < 0) {
            let message = format!("maxRunning must be 0 or more, not {most}");
            return Err(ApiError::invalid_field("maxRunning", message));
        }
        if let Some(rate) = self.rate_per_minute.filter(|rate| *rate < 1) {
            let message = format!("ratePerMinute must be 1 or more, not {rate}");
            return Err(ApiError::invalid_field("ratePerMinute", message));
        }
        Ok(LimitSettings { max_running: self.max_running, rate_per_minute: self.rate_per_minute })
    }
}

/// Sets the limits of a key, replacing those before. Jobs that run already are not stopped.
#[utoipa::path(
    put, path = "/api/admin/limits/{key}", tag = "admin", params(("key" = String, Path)),
    operation_id = "limit_put",
    request_body = LimitBody,
    responses((status = 200, body = LimitItem), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn put(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(key): Name,
    Body(body): Body<LimitBody>,
) -> ApiResult<Json<LimitItem>> {
    let settings = body.settings()?;
    let reason = reason::optional(body.reason.as_deref())?;
    if key.chars().count() > LONGEST_KEY {
        let message = format!("a key has at most {LONGEST_KEY} characters");
        return Err(ApiError::invalid_field("key", message));
    }
    let mut tx = state.pool.begin().await?;
    let before = operate::set_limit(&mut tx, &key, settings).await?;
    let entry = audit::Entry {
        reason,
        before: before.map(|before| json!(before)),
        ..operator.entry("set_limit", "limit", &key, json!(settings))
    };
    audit::record(&mut tx, entry).await?;
    let limit = inspect::limit(&mut tx, &key).await?.ok_or_else(|| ApiError::not_found("limit"))?;
    tx.commit().await?;
    state.hints.admissions();
    Ok(Json(limit.into()))
}

/// Removes the limits of a key: its jobs run as others do.
#[utoipa::path(
    delete, path = "/api/admin/limits/{key}", tag = "admin", params(("key" = String, Path)),
    operation_id = "limit_delete",
    responses((status = 200, body = Done), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn delete(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(key): Name,
) -> ApiResult<Json<Done>> {
    let mut tx = state.pool.begin().await?;
    let before = operate::remove_limit(&mut tx, &key).await?.ok_or_else(|| ApiError::not_found("limit"))?;
    let entry = audit::Entry {
        before: Some(json!(before)),
        ..operator.entry("remove_limit", "limit", &key, json!({}))
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.admissions();
    Ok(Json(Done::YES))
}
