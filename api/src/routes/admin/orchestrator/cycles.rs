//! The cycles of all agents, as clients know them: jobs of one type.

use axum::{Json, extract::State};
use jobs::db::{agent_views, cycles::Cycle};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{super::view::optional, control::JOB_TYPE};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{May, Query, may::AdminRead},
    state::AppState,
    timestamp,
};

/// How many cycles to show.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CyclesQuery {
    /// Most cycles, 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// A cycle of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrchestratorJob {
    id: Uuid,
    /// `full-pipeline`.
    job_type: &'static str,
    /// `running`, `completed`, `stopped` (a control stopped it) or `failed`.
    status: &'static str,
    started_at: String,
    finished_at: Option<String>,
    /// What went wrong.
    error: Option<String>,
    /// Whose agent.
    user_id: Uuid,
    /// `autonomous`, `semi-auto` or `manual`: what the agent did by itself when it began.
    mode: &'static str,
    /// The step before which it was stopped.
    stopped_before: Option<String>,
    /// By what: `kill_switch`, `not_running`, `paused` or `trading_halted`.
    stop_reason: Option<String>,
    trace_id: Option<String>,
}

impl From<Cycle> for OrchestratorJob {
    fn from(cycle: Cycle) -> Self {
        Self {
            id: cycle.id,
            job_type: JOB_TYPE,
            status: match cycle.status.as_str() {
                "done" => "completed",
                "stopped" => "stopped",
                "failed" => "failed",
                _ => "running",
            },
            started_at: timestamp::text(cycle.started_at),
            finished_at: optional(cycle.finished_at),
            error: cycle.error,
            user_id: cycle.user_id,
            mode: cycle.mode.as_str(),
            stopped_before: cycle.stopped_before,
            stop_reason: cycle.stop_reason,
            trace_id: cycle.trace_id,
        }
    }
}

/// Lists the cycles of all users' agents, newest first.
#[utoipa::path(
    get, path = "/api/admin/orchestrator/jobs", tag = "admin", params(CyclesQuery),
    operation_id = "orchestrator_jobs",
    responses((status = 200, body = [OrchestratorJob]), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn list(
    _operator: May<AdminRead>,
    Query(query): Query<CyclesQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<OrchestratorJob>>> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        let message = format!("limit must be between 1 and 500, not {limit}");
        return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
    }
    let cycles = agent_views::newest_cycles(&mut *state.pool.acquire().await?, limit).await?;
    Ok(Json(cycles.into_iter().map(Into::into).collect()))
}
