//! Reading candidates: symbols that may be approved, and decisions that wait for a word.

use axum::{Json, extract::State};
use domain::universe::CandidateStatus;
use jobs::db::{
    agent_views,
    candidates::{self, Candidate},
    decisions::Decision,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    routes::{
        ai::{WindowQuery, action_word, word},
        trading::amount::number,
    },
    state::AppState,
    timestamp,
};

/// The least confidence of a decision that is shown as a candidate of a trade.
const CONFIDENT: Decimal = Decimal::from_parts(6, 0, 0, false, 1);

/// Which candidates to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CandidatesQuery {
    /// `NEW`, `WATCHLIST`, `APPROVED` or `REJECTED`.
    status: Option<String>,
}

/// A symbol that the caller's agent may buy, once it is approved.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CandidateView {
    /// The symbol: a user has one candidate of each.
    id: String,
    symbol: String,
    /// All of it, 0 to 1.
    score: f64,
    /// 0 to 1; null as long as its figures are not known.
    quality_score: Option<f64>,
    /// 0 to 1; null as long as its figures are not known.
    growth_score: Option<f64>,
    /// 0 to 1.
    liquidity_score: f64,
    /// `A`, `B` or `C`.
    tier: &'static str,
    rationale: String,
    /// `NEW`, `WATCHLIST`, `APPROVED` or `REJECTED`.
    status: &'static str,
    /// When the agent last looked at it.
    looked_at: Option<String>,
    approved_by: Option<Uuid>,
    approved_at: Option<String>,
    trace_id: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Candidate> for CandidateView {
    fn from(candidate: Candidate) -> Self {
        let approved = candidate.status == CandidateStatus::Approved;
        Self {
            id: candidate.symbol.clone(),
            symbol: candidate.symbol,
            score: number(candidate.score),
            quality_score: candidate.quality_score.map(number),
            growth_score: candidate.growth_score.map(number),
            liquidity_score: number(candidate.liquidity_score),
            tier: candidate.tier.as_str(),
            rationale: candidate.rationale,
            status: candidate.status.as_str(),
            looked_at: candidate.looked_at.map(timestamp::text),
            approved_by: candidate.decided_by.filter(|_| approved),
            approved_at: candidate.decided_at.filter(|_| approved).map(timestamp::text),
            trace_id: candidate.trace_id,
            created_at: timestamp::text(candidate.created_at),
            updated_at: timestamp::text(candidate.updated_at),
        }
    }
}

/// A decision that waits for somebody to act on it. Prices are a share's, in US dollars.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProposalView {
    /// The decision's id.
    id: Uuid,
    symbol: String,
    /// `buy` or `sell`.
    action: &'static str,
    /// 0.6 to 1.
    confidence: f64,
    reasoning: String,
    /// `pending`, `approved` or `pending_execution`.
    status: &'static str,
    created_at: String,
    entry_price: Option<f64>,
    stop_loss: Option<f64>,
    take_profit: Option<f64>,
}

impl From<Decision> for ProposalView {
    fn from(decision: Decision) -> Self {
        Self {
            id: decision.id,
            symbol: decision.symbol,
            action: action_word(decision.action),
            confidence: number(decision.confidence),
            reasoning: decision.reasoning,
            status: decision.status.as_str(),
            created_at: timestamp::text(decision.created_at),
            entry_price: decision.entry_price.map(number),
            stop_loss: decision.stop_loss.map(number),
            take_profit: decision.target_price.map(number),
        }
    }
}

/// Returns the caller's candidates, the best first; 100 unless said.
#[utoipa::path(
    get, path = "/api/candidates", operation_id = "list_candidates", tag = "autonomous",
    params(CandidatesQuery, WindowQuery),
    responses((status = 200, body = [CandidateView])), security(("session" = []))
)]
pub(super) async fn list(
    actor: Actor,
    Query(window): Query<WindowQuery>,
    Query(query): Query<CandidatesQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<CandidateView>>> {
    let (limit, offset) = window.read(100)?;
    let words: Vec<&str> = CandidateStatus::ALL.iter().map(|status| status.as_str()).collect();
    let status = word("status", query.status.as_deref(), &words)?.and_then(|word| word.parse().ok());
    let mut conn = state.pool.acquire().await?;
    let rows = candidates::list(&mut conn, actor.user_id, status, limit.saturating_add(offset)).await?;
    let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
    Ok(Json(rows.into_iter().skip(skipped).map(CandidateView::from).collect()))
}

/// Returns the caller's decisions to buy or sell that wait for somebody to act on them, with a
/// confidence of at least 0.6, newest first; 50 unless said.
#[utoipa::path(
    get, path = "/api/trading/candidates", operation_id = "trade_candidates", tag = "autonomous",
    params(WindowQuery),
    responses((status = 200, body = [ProposalView])), security(("session" = []))
)]
pub(super) async fn proposals(
    actor: Actor,
    Query(window): Query<WindowQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<ProposalView>>> {
    let (limit, offset) = window.read(50)?;
    let mut conn = state.pool.acquire().await?;
    let rows = agent_views::proposals(&mut conn, actor.user_id, CONFIDENT, limit, offset).await?;
    Ok(Json(rows.into_iter().map(ProposalView::from).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_confidence_is_that_of_the_contract() {
        assert_eq!(CONFIDENT.to_string(), "0.6");
    }
}
