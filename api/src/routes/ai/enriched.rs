//! Decisions with what became of them.

use axum::{Json, extract::State};
use jobs::db::{agent_views, decisions};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    WindowQuery,
    decisions::{DecisionsQuery, has_more},
    timeline::{EnrichedDecision, enrich},
};
use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    state::AppState,
};

/// A part of the decisions, with what became of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnrichedDecisions {
    /// Newest first.
    #[serde(rename = "enrichedDecisions")]
    decisions: Vec<EnrichedDecision>,
    /// How many decisions there are in all: exact up to 10,000, a lower bound beyond.
    total: i64,
    has_more: bool,
}

/// Returns the caller's decisions, newest first, with order, trade, position, and all that happened
/// from the decision to the exit; 50 unless said.
#[utoipa::path(
    get, path = "/api/ai-decisions/enriched", operation_id = "enriched_decisions", tag = "autonomous",
    params(DecisionsQuery, WindowQuery),
    responses((status = 200, body = EnrichedDecisions)), security(("session" = []))
)]
pub(super) async fn enriched(
    actor: Actor,
    Query(window): Query<WindowQuery>,
    Query(query): Query<DecisionsQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<EnrichedDecisions>> {
    let (limit, offset) = window.read(50)?;
    let Some(filter) = query.filter(limit, offset)? else {
        return Ok(Json(EnrichedDecisions { decisions: Vec::new(), total: 0, has_more: false }));
    };
    let mut conn = state.pool.acquire().await?;
    let (rows, total) = decisions::list(&mut conn, actor.user_id, &filter).await?;
    let orders: Vec<Uuid> = rows.iter().filter_map(|row| row.order_id).collect();
    let linked = agent_views::linked(&mut conn, actor.user_id, &orders).await?;
    let has_more = has_more(rows.len(), offset, total);
    let decisions = rows.into_iter().map(|row| enrich(row, &linked)).collect();
    Ok(Json(EnrichedDecisions { decisions, total, has_more }))
}
