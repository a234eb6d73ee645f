//! What the caller's agent saw and did, in one line of time.

use axum::{Json, extract::State};
use jobs::db::agent_views::{self, FeedEntry};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::window::{bounded, word};
use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    routes::trading::amount::number,
    state::AppState,
    timestamp,
};

/// What an entry may be.
const KINDS: &[&str] = &["signal", "risk", "sentiment", "news", "suggestion"];
/// The most entries of a reply.
const MOST: i64 = 100;

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedQuery {
    /// Most entries of the reply, 1 to 100; 20 unless said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// `signal`, `risk`, `sentiment`, `news` or `suggestion`.
    r#type: Option<String>,
}

/// Something that the agent saw or did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedView {
    id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    title: String,
    headline: String,
    description: String,
    explanation: String,
    symbol: Option<String>,
    /// 0 to 1; 1 for what is no opinion.
    confidence: f64,
    /// `buy`, `sell` or `hold`, of decisions.
    action: Option<String>,
    time: String,
    created_at: String,
    impacted_strategies: Vec<Uuid>,
    #[schema(value_type = Object)]
    metadata: Value,
}

impl From<FeedEntry> for FeedView {
    fn from(entry: FeedEntry) -> Self {
        let at = timestamp::text(entry.at);
        Self {
            id: entry.id,
            kind: entry.kind,
            title: entry.headline.clone(),
            headline: entry.headline,
            description: entry.explanation.clone(),
            explanation: entry.explanation,
            symbol: entry.symbol,
            confidence: entry.confidence.map_or(1.0, number),
            action: entry.action,
            time: at.clone(),
            created_at: at,
            impacted_strategies: entry.strategy_id.into_iter().collect(),
            metadata: entry.metadata,
        }
    }
}

/// Returns decisions, locks, sentiment and news that concern the caller, newest first.
#[utoipa::path(
    get, path = "/api/ai/events", operation_id = "feed", tag = "autonomous", params(FeedQuery),
    responses((status = 200, body = [FeedView])), security(("session" = []))
)]
pub(super) async fn events(
    actor: Actor,
    Query(query): Query<FeedQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<FeedView>>> {
    let limit = bounded("limit", query.limit.unwrap_or(20), 1, MOST)?;
    let kind = word("type", query.r#type.as_deref(), KINDS)?;
    let mut conn = state.pool.acquire().await?;
    let entries = agent_views::feed(&mut conn, actor.user_id, kind, limit).await?;
    Ok(Json(entries.into_iter().map(FeedView::from).collect()))
}
