//! Reading decisions.

use axum::{Json, extract::State};
use domain::cycle::DecisionStatus;
use jobs::db::{
    agent_views,
    decisions::{self, Filter},
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    DecisionView, WindowQuery,
    window::{given, word},
};
use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    state::AppState,
};

/// What may be proposed.
const ACTIONS: &[&str] = &["buy", "sell", "hold"];

/// Which decisions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DecisionsQuery {
    /// Only decisions in this state, such as `pending`.
    status: Option<String>,
    /// `buy`, `sell` or `hold`.
    action: Option<String>,
    /// Only decisions of this strategy.
    strategy_id: Option<String>,
}

impl DecisionsQuery {
    /// Returns the filter; `None` when it can let nothing through.
    pub(super) fn filter(&self, limit: i64, offset: i64) -> ApiResult<Option<Filter>> {
        let words: Vec<&str> = DecisionStatus::ALL.iter().map(|status| status.as_str()).collect();
        let status = word("status", self.status.as_deref(), &words)?.and_then(|word| word.parse().ok());
        let action = word("action", self.action.as_deref(), ACTIONS)?.map(ToOwned::to_owned);
        let strategy_id = match given(self.strategy_id.as_deref()).map(str::parse::<Uuid>) {
            None => None,
            Some(Ok(id)) => Some(id),
            // Names no strategy, so nothing was decided for it.
            Some(Err(_)) => return Ok(None),
        };
        Ok(Some(Filter { status, action, strategy_id, limit, offset }))
    }
}

/// A part of the decisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionHistory {
    /// Newest first.
    decisions: Vec<DecisionView>,
    /// How many there are in all: exact up to 10,000, a lower bound beyond.
    total: i64,
    has_more: bool,
    /// How many of the caller's decisions nothing has become of yet.
    pending_analysis: i64,
}

/// Returns the caller's decisions, newest first; 20 unless said.
#[utoipa::path(
    get, path = "/api/ai/decisions", operation_id = "plain_decisions", tag = "autonomous",
    params(DecisionsQuery, WindowQuery),
    responses((status = 200, body = [DecisionView])), security(("session" = []))
)]
pub(super) async fn plain(
    actor: Actor,
    Query(window): Query<WindowQuery>,
    Query(query): Query<DecisionsQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<DecisionView>>> {
    let mut conn = state.pool.acquire().await?;
    let (rows, _) = read(&mut conn, &actor, &window, &query, 20).await?;
    Ok(Json(rows))
}

/// Returns the caller's decisions, newest first; 20 unless said.
#[utoipa::path(
    get, path = "/api/ai-decisions", operation_id = "list_decisions", tag = "autonomous",
    params(DecisionsQuery, WindowQuery),
    responses((status = 200, body = [DecisionView])), security(("session" = []))
)]
pub(super) async fn list(
    actor: Actor,
    Query(window): Query<WindowQuery>,
    Query(query): Query<DecisionsQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<DecisionView>>> {
    let mut conn = state.pool.acquire().await?;
    let (rows, _) = read(&mut conn, &actor, &window, &query, 20).await?;
    Ok(Json(rows))
}

/// Returns the caller's decisions, newest first, and how many there are; 100 unless said.
#[utoipa::path(
    get, path = "/api/ai-decisions/history", operation_id = "decision_history", tag = "autonomous",
    params(DecisionsQuery, WindowQuery),
    responses((status = 200, body = DecisionHistory)), security(("session" = []))
)]
pub(super) async fn history(
    actor: Actor,
    Query(window): Query<WindowQuery>,
    Query(query): Query<DecisionsQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<DecisionHistory>> {
    let mut conn = state.pool.acquire().await?;
    let (_, offset) = window.read(100)?;
    let (decisions, total) = read(&mut conn, &actor, &window, &query, 100).await?;
    let pending_analysis = agent_views::waiting(&mut conn, actor.user_id).await?;
    let has_more = has_more(decisions.len(), offset, total);
    Ok(Json(DecisionHistory { decisions, total, has_more, pending_analysis }))
}

async fn read(
    conn: &mut PgConnection,
    actor: &Actor,
    window: &WindowQuery,
    query: &DecisionsQuery,
    default: i64,
) -> ApiResult<(Vec<DecisionView>, i64)> {
    let (limit, offset) = window.read(default)?;
    let Some(filter) = query.filter(limit, offset)? else { return Ok((Vec::new(), 0)) };
    let (rows, total) = decisions::list(conn, actor.user_id, &filter).await?;
    Ok((rows.into_iter().map(DecisionView::from).collect(), total))
}

/// Returns whether rows follow the `shown` ones after `offset`.
pub(super) fn has_more(shown: usize, offset: i64, total: i64) -> bool {
    offset.saturating_add(i64::try_from(shown).unwrap_or(i64::MAX)) < total
}
