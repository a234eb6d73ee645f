//! How often the connectors were asked, day by day.

use axum::{Json, extract::State};
use jobs::db::{
    connectors::{self, ConnectorMetrics},
    data_views,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{May, Query, may::AdminRead},
    routes::feeds::FeedMetrics,
    state::AppState,
    timestamp,
};

/// Days that are shown unless asked otherwise, and at most.
const DAYS: i32 = 7;
const MOST_DAYS: i32 = 90;
/// Rows at most.
const MOST: usize = 2000;

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageQuery {
    /// 1 to 90 days (UTC), today included; 7 unless sent.
    days: Option<i32>,
}

/// A day of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsageDay {
    provider: String,
    endpoint: String,
    /// `YYYY-MM-DD`, UTC.
    day: String,
    requests: i64,
    success_count: i64,
    failure_count: i64,
    rate_limit_hits: i64,
    quarantined: i64,
    avg_latency_ms: Option<i64>,
}

impl From<ConnectorMetrics> for UsageDay {
    fn from(row: ConnectorMetrics) -> Self {
        Self {
            provider: row.connector,
            endpoint: row.endpoint,
            day: row.day.to_string(),
            requests: row.total_requests,
            success_count: row.success_count,
            failure_count: row.failure_count,
            rate_limit_hits: row.rate_limit_hits,
            quarantined: row.quarantined,
            avg_latency_ms: row.latency_sum_ms.checked_div(row.total_requests),
        }
    }
}

/// All calls of a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsageTotal {
    provider: String,
    #[serde(flatten)]
    metrics: FeedMetrics,
}

/// How often providers were asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiUsage {
    days: i32,
    providers: Vec<UsageTotal>,
    /// Newest first; at most 2,000.
    usage: Vec<UsageDay>,
    fetched_at: String,
}

/// Returns how often providers of data and models were asked, and what came of it.
#[utoipa::path(
    get, path = "/api/admin/api-usage", tag = "admin", operation_id = "api_usage", params(UsageQuery),
    responses((status = 200, body = ApiUsage), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn usage(
    _operator: May<AdminRead>,
    Query(query): Query<UsageQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<ApiUsage>> {
    let days = query.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        let message = format!("days must be 1 to {MOST_DAYS}, not {days}");
        return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
    }
    let mut conn = state.pool.acquire().await?;
    let mut totals = data_views::shares(&mut conn, days).await?;
    totals.extend(data_views::llm_shares(&mut conn, days).await?);
    let usage = connectors::metrics(&mut conn, days).await?;
    let providers = totals
        .into_iter()
        .map(|share| UsageTotal { metrics: FeedMetrics::of(&share, days), provider: share.connector });
    Ok(Json(ApiUsage {
        days,
        providers: providers.collect(),
        usage: usage.into_iter().take(MOST).map(UsageDay::from).collect(),
        fetched_at: timestamp::now(),
    }))
}
