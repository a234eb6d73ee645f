//! How all agents stand.

use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use domain::risk::TradingState;
use jobs::{
    cycle::QUEUE,
    db::{
        agent_views::{self, Fleet},
        risk::{self, Platform},
    },
    queue::inspect::{self, QueueView},
};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::super::view::optional;
use crate::{
    error::ApiResult,
    extract::{May, may::AdminRead},
    state::AppState,
};

/// A cycle that has been due, or has waited for a worker, for longer is late.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// Everything that says how all agents stand, read together.
pub(super) struct Standing {
    pub(super) fleet: Fleet,
    pub(super) queue: QueueView,
    pub(super) platform: Platform,
}

impl Standing {
    /// Reads how all agents stand.
    pub(super) async fn read(conn: &mut PgConnection) -> sqlx::Result<Self> {
        Ok(Self {
            fleet: agent_views::fleet(conn).await?,
            queue: inspect::queue(conn, QUEUE, &[]).await?.unwrap_or_default(),
            platform: risk::platform(conn).await?,
        })
    }

    /// Returns whether nobody trades at all.
    pub(super) fn killed(&self) -> bool {
        self.platform.trading_state == TradingState::Halted
    }

    /// Returns whether cycles begin.
    pub(super) fn running(&self) -> bool {
        self.fleet.running > 0 && !self.queue.paused && !self.killed()
    }

    /// Returns whether cycles should begin and do not.
    pub(super) fn late(&self, now: DateTime<Utc>) -> bool {
        let since = [self.fleet.next_cycle_at, self.queue.oldest_available].into_iter().flatten().min();
        self.running() && since.is_some_and(|since| now - since > LATE)
    }

    fn at_work(&self) -> i64 {
        self.queue.depth.get("running").map_or(0, |running| running.count)
    }
}

/// How many agents stand how.
#[derive(Debug, Serialize, ToSchema)]
struct AgentCounts {
    /// Users whose agent was ever touched.
    total: i64,
    /// Started, and not resting.
    running: i64,
    /// Started, and resting until their users resume them.
    resting: i64,
    /// Running ones whose last cycle failed.
    failing: i64,
}

/// How all agents stand.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent answers, as clients show them")]
pub(super) struct OrchestratorStatus {
    /// Whether cycles begin: some agent runs, its queue is not paused, and the kill switch is off.
    is_running: bool,
    is_paused: bool,
    /// Paused, and some cycle or analysis that was begun before is still at work.
    is_draining: bool,
    kill_switch_active: bool,
    /// Everybody's: `active`, `reducing` or `halted`.
    trading_state: &'static str,
    agents: AgentCounts,
    /// Cycles, and analyses that users asked for.
    at_work: i64,
    /// Live worker processes that carry cycles out.
    workers: i64,
    last_heartbeat: Option<String>,
    /// When a cycle last ended well.
    last_cycle_at: Option<String>,
    next_cycle_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
}

impl From<Standing> for OrchestratorStatus {
    fn from(standing: Standing) -> Self {
        let (running, killed, at_work) = (standing.running(), standing.killed(), standing.at_work());
        let Standing { fleet, queue, platform } = standing;
        Self {
            is_running: running,
            is_paused: queue.paused,
            is_draining: queue.paused && at_work > 0,
            kill_switch_active: killed,
            trading_state: platform.trading_state.as_str(),
            agents: AgentCounts {
                total: fleet.agents,
                running: fleet.running,
                resting: fleet.resting,
                failing: fleet.failing,
            },
            at_work,
            workers: queue.workers,
            last_heartbeat: optional(fleet.last_heartbeat),
            last_cycle_at: optional(fleet.last_cycle_at),
            next_cycle_at: optional(fleet.next_cycle_at),
            last_error: fleet.last_error,
            last_error_at: optional(fleet.last_error_at),
        }
    }
}

/// Returns how all users' agents stand.
#[utoipa::path(
    get, path = "/api/admin/orchestrator/status", tag = "admin", operation_id = "orchestrator_status",
    responses((status = 200, body = OrchestratorStatus), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn status(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<OrchestratorStatus>> {
    let standing = Standing::read(&mut *state.pool.acquire().await?).await?;
    Ok(Json(standing.into()))
}
