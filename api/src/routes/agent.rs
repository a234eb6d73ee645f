//! The caller's agent as one row, for clients that know only that.

use axum::{Json, extract::State};
use chrono::Utc;
use jobs::db::{
    agents::{self, Flags},
    risk, trading_views,
};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    autonomous::{self, LimitsView},
    trading::{amount::number, day, risk::decode::Fields, source::Seen},
};
use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    state::AppState,
    timestamp,
};

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(toggle))
        .routes(routes!(set_limits))
        .routes(routes!(set_auto_start))
}

/// The caller's agent. Money in US dollars.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, as the clients know them")]
struct AgentRow {
    /// The user's id: a user has one agent.
    id: Uuid,
    is_running: bool,
    is_paused: bool,
    /// `autonomous`, `semi-auto` or `manual`.
    mode: &'static str,
    interval_seconds: i32,
    last_heartbeat: Option<String>,
    /// Fills of the caller's orders.
    total_trades: i64,
    /// Realized.
    total_pnl: f64,
    /// Percent of the trades that closed something.
    win_rate: f64,
    /// Of the account; null as long as the broker was never read.
    cash_balance: Option<f64>,
    kill_switch_active: bool,
    #[serde(flatten)]
    limits: LimitsView,
    dynamic_order_limit: i32,
    min_order_limit: i32,
    max_order_limit: i32,
    /// `bullish`, `bearish`, `neutral`, `volatile` or `uncertain`.
    market_condition: String,
    /// 0 to 1.
    ai_confidence_score: f64,
    auto_start_enabled: bool,
    last_market_analysis: Option<String>,
    auto_execute_trades: bool,
    conservative_mode: bool,
    started_at: Option<String>,
    updated_at: Option<String>,
}

/// Between how many orders a cycle may make.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"minOrderLimit": 10, "maxOrderLimit": 50}))]
struct OrderLimitsBody {
    /// 1 to 100, at most `maxOrderLimit`.
    min_order_limit: Option<i32>,
    /// 1 to 100.
    max_order_limit: Option<i32>,
}

/// Whether the agent is wanted to start by itself.
#[derive(Debug, Serialize, ToSchema)]
struct AutoStartBody {
    enabled: bool,
}

/// Returns the caller's agent.
#[utoipa::path(
    get, path = "/api/agent/status", operation_id = "agent_status", tag = "autonomous",
    responses((status = 200, body = AgentRow)), security(("session" = []))
)]
async fn status(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<AgentRow>> {
    let mut conn = state.pool.acquire().await?;
    read(&mut conn, &state, &actor).await.map(Json)
}

/// Stops the caller's agent if it runs, and starts it if it does not.
#[utoipa::path(
    post, path = "/api/agent/toggle", operation_id = "toggle_agent", tag = "autonomous",
    responses(
        (status = 200, body = AgentRow),
        (status = 409, description = "The kill switch is on, or trading is halted.")),
    security(("session" = []))
)]
async fn toggle(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<AgentRow>> {
    let mut tx = state.pool.begin().await?;
    if agents::status(&mut tx, actor.user_id).await?.is_running {
        autonomous::stop(&mut tx, &actor).await?;
    } else {
        autonomous::start(&mut tx, &actor).await?;
    }
    let row = read(&mut tx, &state, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(row))
}

/// Sets between how many orders the caller's agent may make in a cycle; what is not sent stays.
#[utoipa::path(
    post, path = "/api/agent/set-limits", operation_id = "set_order_limits", tag = "autonomous",
    request_body = OrderLimitsBody,
    responses((status = 200, body = AgentRow)), security(("session" = []))
)]
async fn set_limits(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<AgentRow>> {
    let mut fields = Fields::new(body)?;
    let min_order_limit = fields.whole("minOrderLimit", 1, 100);
    let max_order_limit = fields.whole("maxOrderLimit", 1, 100);
    let mut tx = state.pool.begin().await?;
    let agent = agents::status(&mut tx, actor.user_id).await?;
    let least = min_order_limit.unwrap_or(agent.min_order_limit);
    let most = max_order_limit.unwrap_or(agent.max_order_limit);
    if least > most {
        let message = format!("minOrderLimit {least} must not be above maxOrderLimit {most}");
        fields.fault("minOrderLimit", message);
    }
    fields.check()?;
    let flags = Flags { min_order_limit, max_order_limit, ..Flags::default() };
    agents::set_flags(&mut tx, actor.user_id, &flags).await?;
    let row = read(&mut tx, &state, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(row))
}

/// Keeps whether the caller wants the agent to start by itself; it is shown, and nothing starts by it.
#[utoipa::path(
    post, path = "/api/agent/auto-start", operation_id = "set_auto_start", tag = "autonomous",
    request_body = AutoStartBody,
    responses((status = 200, body = AgentRow)), security(("session" = []))
)]
async fn set_auto_start(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<AgentRow>> {
    let mut fields = Fields::new(body)?;
    let enabled = fields.required_flag("enabled");
    fields.check()?;
    let mut tx = state.pool.begin().await?;
    let flags = Flags { auto_start_enabled: enabled, ..Flags::default() };
    agents::set_flags(&mut tx, actor.user_id, &flags).await?;
    let row = read(&mut tx, &state, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(row))
}

async fn read(conn: &mut PgConnection, state: &AppState, actor: &Actor) -> ApiResult<AgentRow> {
    let agent = agents::status(conn, actor.user_id).await?;
    let settings = risk::settings(conn, actor.user_id).await?;
    let figures = trading_views::figures(conn, actor.user_id, day::start(Utc::now())).await?;
    let seen = Seen::load(conn, state).await?;
    let won = u32::try_from(figures.winning).map_or(0.0, f64::from);
    let closed = u32::try_from(figures.closing).map_or(0.0, f64::from);
    Ok(AgentRow {
        id: agent.user_id,
        is_running: agent.is_running,
        is_paused: agent.is_paused,
        mode: agent.mode.as_str(),
        interval_seconds: agent.interval_s,
        last_heartbeat: agent.last_heartbeat.map(timestamp::text),
        total_trades: figures.fills,
        total_pnl: number(figures.realized),
        win_rate: if closed > 0.0 { won / closed * 100.0 } else { 0.0 },
        cash_balance: seen.account().ok().map(|account| number(account.cash)),
        kill_switch_active: settings.kill_switch,
        limits: LimitsView::from(&settings),
        dynamic_order_limit: agent.dynamic_order_limit,
        min_order_limit: agent.min_order_limit,
        max_order_limit: agent.max_order_limit,
        market_condition: agent.market_condition,
        ai_confidence_score: number(agent.ai_confidence_score),
        auto_start_enabled: agent.auto_start_enabled,
        last_market_analysis: agent.last_market_analysis.map(timestamp::text),
        auto_execute_trades: agent.auto_execute_trades,
        conservative_mode: agent.conservative_mode,
        started_at: agent.started_at.map(timestamp::text),
        updated_at: agent.updated_at.map(timestamp::text),
    })
}
