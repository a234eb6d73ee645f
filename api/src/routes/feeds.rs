//! The feeds of data, judged by what became of their calls.

use axum::{Json, extract::State};
use jobs::db::data_views::Share;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::connectors::seen::{self, DAYS, Seen, success_rate};
use crate::{error::ApiResult, extract::Actor, state::AppState, timestamp};

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What became of calls of the last days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedMetrics {
    /// UTC, today included.
    days: i32,
    total_requests: i64,
    success_count: i64,
    failure_count: i64,
    /// 0 to 1; null before the first call ended.
    success_rate: Option<f64>,
    rate_limit_hits: i64,
    /// Answers that were malformed, or too old.
    quarantined: i64,
    /// Times that it answered in the place of others.
    fallback_used: i64,
    avg_latency_ms: Option<i64>,
    max_latency_ms: i32,
}

impl From<&Share> for FeedMetrics {
    fn from(share: &Share) -> Self {
        Self::of(share, DAYS)
    }
}

impl FeedMetrics {
    /// Returns the figures of the last `days` days.
    pub(super) fn of(share: &Share, days: i32) -> Self {
        Self {
            days,
            total_requests: share.requests,
            success_count: share.succeeded,
            failure_count: share.failed,
            success_rate: success_rate(share),
            rate_limit_hits: share.rate_limited,
            quarantined: share.quarantined,
            fallback_used: share.fallbacks,
            avg_latency_ms: share.latency_sum_ms.checked_div(share.requests),
            max_latency_ms: share.latency_max_ms,
        }
    }
}

/// A feed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FeedItem {
    id: &'static str,
    name: &'static str,
    /// `market`, `news`, `fundamental` or `crypto`.
    category: &'static str,
    /// From the calls of the last seven days: `active` (at least 95 % were good), `degraded` (at least
    /// 70 %), `inactive` or, without calls, `unknown`. One that is switched off is `inactive`.
    status: &'static str,
    /// The last look that found it well.
    last_update: Option<String>,
    description: &'static str,
    /// Null without calls.
    metrics: Option<FeedMetrics>,
    last_error: Option<String>,
    last_error_at: Option<String>,
}

impl From<&Seen> for FeedItem {
    fn from(seen: &Seen) -> Self {
        let error = seen.last_error();
        Self {
            id: seen.known.id,
            name: seen.known.name,
            category: seen.known.feed,
            status: seen.by_calls(),
            last_update: seen.row.as_ref().and_then(|row| row.last_ok_at).map(timestamp::text),
            description: seen.known.description,
            metrics: seen.share.as_ref().map(FeedMetrics::from),
            last_error: error.map(|(text, _)| text.to_owned()),
            last_error_at: error.and_then(|(_, at)| at).map(timestamp::text),
        }
    }
}

/// Lists the feeds of this platform.
#[utoipa::path(
    get, path = "/api/feeds", operation_id = "feeds", tag = "data",
    responses((status = 200, body = [FeedItem])), security(("session" = []))
)]
async fn list(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Vec<FeedItem>>> {
    let _ = actor;
    let seen = seen::read(&mut *state.pool.acquire().await?, &state).await?;
    let feeds = seen.iter().filter(|seen| seen.ours && !seen.known.feed.is_empty());
    Ok(Json(feeds.map(FeedItem::from).collect()))
}
