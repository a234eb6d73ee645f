//! Whether all agents are well.

use axum::{Json, extract::State};
use chrono::Utc;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{super::view::optional, standing::Standing};
use crate::{
    error::ApiResult,
    extract::{May, may::SystemRead},
    state::AppState,
    timestamp,
};

/// Autonomous trading, all users' agents together.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct OrchestratorHealth {
    /// Whether cycles begin: some agent runs, its queue is not paused, and the kill switch is off.
    is_running: bool,
    /// When a cycle was last seen at work.
    last_heartbeat: Option<String>,
    minutes_since_heartbeat: Option<i64>,
    kill_switch_active: bool,
    /// The most orders that any running agent may make in a cycle.
    dynamic_order_limit: Option<i32>,
    /// How an agent last found the market.
    market_condition: Option<String>,
}

impl OrchestratorHealth {
    /// Reads how all agents stand.
    pub(in super::super) async fn read(conn: &mut PgConnection) -> sqlx::Result<Self> {
        Ok(Self::from(&Standing::read(conn).await?))
    }
}

impl From<&Standing> for OrchestratorHealth {
    fn from(standing: &Standing) -> Self {
        let fleet = &standing.fleet;
        let minutes = |since: chrono::DateTime<Utc>| (Utc::now() - since).num_minutes().max(0);
        Self {
            is_running: standing.running(),
            last_heartbeat: optional(fleet.last_heartbeat),
            minutes_since_heartbeat: fleet.last_heartbeat.map(minutes),
            kill_switch_active: standing.killed(),
            dynamic_order_limit: fleet.dynamic_order_limit,
            market_condition: fleet.market_condition.clone(),
        }
    }
}

/// Whether all agents are well.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrchestratorCheck {
    /// `healthy`; `degraded`: some agents' last cycles failed; `stalled`: a cycle has been due, or has
    /// waited for a worker, for more than a minute; `idle`: no agent runs; `paused`; or `killed`.
    status: &'static str,
    #[serde(flatten)]
    health: OrchestratorHealth,
    /// Running agents whose last cycle failed.
    failing_agents: i64,
    /// What went wrong last.
    last_error: Option<String>,
    last_error_at: Option<String>,
    fetched_at: String,
}

fn word(standing: &Standing) -> &'static str {
    let words = [
        (standing.killed(), "killed"),
        (standing.queue.paused, "paused"),
        (standing.fleet.running == 0, "idle"),
        (standing.late(Utc::now()), "stalled"),
        (standing.fleet.failing > 0, "degraded"),
    ];
    words.into_iter().find(|(applies, _)| *applies).map_or("healthy", |(_, word)| word)
}

/// Says whether all users' agents are well.
#[utoipa::path(
    get, path = "/api/admin/orchestrator-health", tag = "admin", operation_id = "orchestrator_health",
    responses((status = 200, body = OrchestratorCheck), (status = 403, description = "Needs `system:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn check(
    _operator: May<SystemRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<OrchestratorCheck>> {
    let standing = Standing::read(&mut *state.pool.acquire().await?).await?;
    Ok(Json(OrchestratorCheck {
        status: word(&standing),
        health: (&standing).into(),
        failing_agents: standing.fleet.failing,
        last_error: standing.fleet.last_error,
        last_error_at: optional(standing.fleet.last_error_at),
        fetched_at: timestamp::now(),
    }))
}
