//! Switch, breakers and blocks of each provider.

use axum::{Json, extract::State};
use jobs::db::{
    data_views,
    external_status::{self, Status},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiResult,
    extract::{May, may::AdminRead},
    routes::{
        connectors::seen::{self, Seen},
        feeds::FeedMetrics,
    },
    state::AppState,
    timestamp,
};

/// A circuit breaker of one process.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderBreaker {
    /// As `host:pid`.
    process: String,
    /// The connection it guards, such as `alpaca_trading`.
    connection: String,
    /// `closed` (calls go through), `open` (none does) or `half_open` (one tries).
    breaker: String,
    since: String,
    last_error: Option<String>,
}

/// A provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderStatus {
    provider: &'static str,
    name: &'static str,
    enabled: bool,
    status: String,
    has_api_key: bool,
    /// Until when the whole fleet keeps away, because it was told to.
    blocked_until: Option<String>,
    breakers: Vec<ProviderBreaker>,
    /// Calls of the last seven days; null without any.
    metrics: Option<FeedMetrics>,
    last_checked: Option<String>,
    last_error: Option<String>,
}

/// Every provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProvidersStatus {
    providers: Vec<ProviderStatus>,
    fetched_at: String,
}

/// Returns whether a name of an outside connection belongs to the provider `id`.
fn belongs(connection: &str, id: &str) -> bool {
    let rest = connection.replace('_', "-");
    rest.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn status_of(
    seen: &Seen,
    breakers: &[Status],
    blocked: &[(String, chrono::DateTime<chrono::Utc>)],
) -> ProviderStatus {
    let id = seen.known.id;
    let until = blocked.iter().filter(|(name, _)| belongs(name, id)).map(|(_, until)| *until).max();
    let breakers = breakers.iter().filter(|status| belongs(&status.provider, id));
    ProviderStatus {
        provider: id,
        name: seen.known.name,
        enabled: seen.enabled(),
        status: seen.found().to_owned(),
        has_api_key: seen.has_key,
        blocked_until: until.map(timestamp::text),
        breakers: breakers
            .map(|status| ProviderBreaker {
                process: status.process.clone(),
                connection: status.provider.clone(),
                breaker: status.breaker.clone(),
                since: timestamp::text(status.since),
                last_error: status.last_error.clone(),
            })
            .collect(),
        metrics: seen.share.as_ref().map(FeedMetrics::from),
        last_checked: seen.row.as_ref().and_then(|row| row.last_checked_at).map(timestamp::text),
        last_error: seen.last_error().map(|(text, _)| text.to_owned()),
    }
}

/// Returns each provider's switch, breakers, blocks and calls.
#[utoipa::path(
    get, path = "/api/admin/provider-status", tag = "admin", operation_id = "provider_status",
    responses((status = 200, body = ProvidersStatus), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn status(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<ProvidersStatus>> {
    let mut conn = state.pool.acquire().await?;
    let seen = seen::read(&mut conn, &state).await?;
    let breakers = external_status::list(&mut conn).await?;
    let blocked = data_views::blocked(&mut conn).await?;
    let ours = seen.iter().filter(|seen| seen.ours);
    let providers = ours.map(|seen| status_of(seen, &breakers, &blocked)).collect();
    Ok(Json(ProvidersStatus { providers, fetched_at: timestamp::now() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_belongs_to_the_provider_it_is_named_after() {
        for (connection, id, expected) in [
            ("alpaca_trading", "alpaca", true),
            ("alpaca", "alpaca", true),
            ("alpacas", "alpaca", false),
            ("sec_edgar", "sec-edgar", true),
            ("sec-edgar", "sec-edgar", true),
            ("polygon", "yahoo", false),
        ] {
            assert_eq!(belongs(connection, id), expected, "{connection} {id}");
        }
    }
}
