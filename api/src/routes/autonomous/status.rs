//! How the caller's agent stands.

use axum::{Json, extract::State};
use jobs::db::{
    agent_views,
    agents::{self, Agent},
    risk,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::limits::LimitsView;
use crate::{error::ApiResult, extract::Actor, routes::trading::amount::number, state::AppState, timestamp};

/// How the agent stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AutonomousStatus {
    is_running: bool,
    /// Whether it rests until it is resumed.
    is_paused: bool,
    kill_switch_active: bool,
    /// `autonomous`, `semi-auto` or `manual`.
    mode: &'static str,
    /// When its last cycle began.
    last_run_time: Option<String>,
    /// When its next cycle is due.
    next_run_time: Option<String>,
    /// Cycles that failed in a row.
    consecutive_errors: i32,
    last_error: Option<String>,
    /// What the caller holds.
    active_positions: i64,
    /// Decisions of the last day.
    recent_decisions: i64,
    last_decision_time: Option<String>,
    config: AgentConfig,
}

/// What the agent goes by.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentConfig {
    mode: &'static str,
    /// Seconds between two cycles.
    interval_seconds: i32,
    /// A decision below this is kept, but not acted on; 0 to 1.
    min_confidence: f64,
    max_decisions_per_day: i32,
    max_orders_per_day: i32,
    conservative_mode: bool,
    risk_limits: LimitsView,
}

impl AgentConfig {
    pub(super) fn new(agent: &Agent, settings: &risk::Settings) -> Self {
        Self {
            mode: agent.mode.as_str(),
            interval_seconds: agent.interval_s,
            min_confidence: number(agent.min_confidence),
            max_decisions_per_day: agent.max_decisions_per_day,
            max_orders_per_day: agent.max_orders_per_day,
            conservative_mode: agent.conservative_mode,
            risk_limits: LimitsView::from(settings),
        }
    }
}

/// Returns how the caller's agent stands.
#[utoipa::path(
    get, path = "/api/autonomous/status", operation_id = "status", tag = "autonomous",
    responses((status = 200, body = AutonomousStatus)), security(("session" = []))
)]
pub(super) async fn status(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<AutonomousStatus>> {
    let mut conn = state.pool.acquire().await?;
    let agent = agents::status(&mut conn, actor.user_id).await?;
    let settings = risk::settings(&mut conn, actor.user_id).await?;
    let figures = agent_views::figures(&mut conn, actor.user_id).await?;
    Ok(Json(AutonomousStatus {
        is_running: agent.is_running,
        is_paused: agent.is_paused,
        kill_switch_active: settings.kill_switch,
        mode: agent.mode.as_str(),
        last_run_time: figures.last_cycle_at.or(agent.last_cycle_at).map(timestamp::text),
        next_run_time: agent.next_cycle_at.map(timestamp::text),
        consecutive_errors: agent.consecutive_errors,
        active_positions: figures.positions,
        recent_decisions: figures.recent_decisions,
        last_decision_time: figures.last_decision_at.map(timestamp::text),
        config: AgentConfig::new(&agent, &settings),
        last_error: agent.last_error,
    }))
}
