//! A connector as clients read it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{catalogue::group, seen::Seen};
use crate::timestamp;

/// A connector.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "polygon", "name": "Polygon", "category": "stock", "description": "quotes and daily bars of US shares",
    "connected": true, "hasApiKey": true, "enabled": true, "available": true, "status": "active", "cacheSize": 12,
    "latencyMs": 41, "lastChecked": "2026-01-02T03:04:05.678Z", "lastOk": "2026-01-02T03:04:05.678Z",
    "lastError": null, "lastErrorAt": null
}))]
#[expect(clippy::struct_excessive_bools, reason = "the contract's fields")]
pub(in crate::routes) struct ConnectorView {
    id: &'static str,
    name: &'static str,
    /// `stock`, `crypto`, `ai` or `fusion`.
    category: &'static str,
    description: &'static str,
    /// Whether it may be asked and answers.
    connected: bool,
    /// Whether there is a key; never which.
    has_api_key: bool,
    /// Whether an operator lets it be asked.
    enabled: bool,
    /// Whether this platform has it at all.
    available: bool,
    /// `active`, `degraded`, `inactive` or `unknown`.
    status: String,
    /// Quotes, bars, news and models' answers of it that are kept.
    cache_size: i64,
    latency_ms: Option<i32>,
    last_checked: Option<String>,
    last_ok: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
}

impl From<&Seen> for ConnectorView {
    fn from(seen: &Seen) -> Self {
        let (known, row) = (seen.known, seen.row.as_ref());
        let status = seen.found();
        let error = seen.last_error();
        Self {
            id: known.id,
            name: known.name,
            category: group(known),
            description: known.description,
            connected: matches!(status, "active" | "degraded"),
            has_api_key: seen.has_key,
            enabled: seen.enabled(),
            available: seen.ours,
            status: status.to_owned(),
            cache_size: seen.cached,
            latency_ms: row.and_then(|row| row.latency_ms),
            last_checked: row.and_then(|row| row.last_checked_at).map(timestamp::text),
            last_ok: row.and_then(|row| row.last_ok_at).map(timestamp::text),
            last_error: error.map(|(text, _)| text.to_owned()),
            last_error_at: error.and_then(|(_, at)| at).map(timestamp::text),
        }
    }
}

impl ConnectorView {
    /// Returns its id.
    pub(in crate::routes) fn id(&self) -> &'static str {
        self.id
    }

    /// Returns where it is shown.
    pub(in crate::routes) fn category(&self) -> &'static str {
        self.category
    }

    /// Returns the word for how it stands.
    pub(in crate::routes) fn status(&self) -> &str {
        &self.status
    }
}
