//! All of an agent at a glance: what it holds, waits for and did.

use axum::{Json, extract::State};
use chrono::Utc;
use jobs::db::{agent_views, agents, risk, trading_views};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{history::ExecutionView, limits::LimitsView};
use crate::{
    error::ApiResult,
    extract::Actor,
    routes::{
        ai::DecisionView,
        trading::{amount::number, day, positions::PositionView, source::Seen},
    },
    state::AppState,
    timestamp,
};

/// How many executions are shown.
const EXECUTIONS: i64 = 100;
/// How many decisions that wait are shown.
const SIGNALS: i64 = 100;
/// How many failures are shown.
const ERRORS: i64 = 20;

/// All of an agent at a glance.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AutonomousState {
    is_running: bool,
    is_paused: bool,
    kill_switch_active: bool,
    /// `autonomous`, `semi-auto` or `manual`.
    mode: &'static str,
    /// When its last cycle began.
    last_analysis_time: Option<String>,
    /// When it last looked at what is held.
    last_position_check_time: Option<String>,
    /// By symbol.
    active_positions: Vec<PositionView>,
    /// Decisions to buy or sell that nothing has become of yet, newest first.
    pending_signals: Vec<DecisionView>,
    /// Decisions that led to an order, newest first.
    execution_history: Vec<ExecutionView>,
    /// Realized since midnight in New York, in US dollars.
    daily_pnl: f64,
    /// Fills since midnight in New York.
    daily_trade_count: i64,
    /// Cycles that failed, newest first.
    errors: Vec<CycleFailure>,
    risk_limits: LimitsView,
}

/// A cycle that failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CycleFailure {
    cycle_id: Uuid,
    message: String,
    timestamp: String,
}

/// Returns all of the caller's agent at a glance.
#[utoipa::path(
    get, path = "/api/autonomous/state", operation_id = "state", tag = "autonomous",
    responses((status = 200, body = AutonomousState)), security(("session" = []))
)]
pub(super) async fn state(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<AutonomousState>> {
    let mut conn = state.pool.acquire().await?;
    read(&mut conn, &state, &actor).await.map(Json)
}

/// Reads all of the caller's agent.
pub(super) async fn read(
    conn: &mut PgConnection,
    state: &AppState,
    actor: &Actor,
) -> ApiResult<AutonomousState> {
    let user = actor.user_id;
    let agent = agents::status(conn, user).await?;
    let settings = risk::settings(conn, user).await?;
    let seen = Seen::load(conn, state).await?;
    let figures = trading_views::figures(conn, user, day::start(Utc::now())).await?;
    let work = agent_views::figures(conn, user).await?;
    let held = trading_views::positions(conn, user).await?;
    let waiting = agent_views::proposals(conn, user, Decimal::ZERO, SIGNALS, 0).await?;
    let executed = agent_views::executions(conn, user, EXECUTIONS, 0).await?;
    let errors = agent_views::errors(conn, user, ERRORS).await?;
    Ok(AutonomousState {
        is_running: agent.is_running,
        is_paused: agent.is_paused,
        kill_switch_active: settings.kill_switch,
        mode: agent.mode.as_str(),
        last_analysis_time: work.last_cycle_at.or(agent.last_cycle_at).map(timestamp::text),
        last_position_check_time: work.last_exits_at.map(timestamp::text),
        active_positions: held.into_iter().map(|row| PositionView::new(row, &seen)).collect(),
        pending_signals: waiting.into_iter().map(DecisionView::from).collect(),
        execution_history: executed.into_iter().map(ExecutionView::from).collect(),
        daily_pnl: number(figures.realized_since),
        daily_trade_count: figures.fills_since,
        errors: errors
            .into_iter()
            .map(|error| CycleFailure {
                cycle_id: error.cycle_id,
                message: error.message,
                timestamp: timestamp::text(error.at),
            })
            .collect(),
        risk_limits: LimitsView::from(&settings),
    })
}
