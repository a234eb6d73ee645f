//! Pausing all agents, and having them look now.

use axum::{Json, extract::State};
use domain::cycle::Mode;
use jobs::{
    cycle::QUEUE,
    db::{agents, audit},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{
        queues,
        reason::{self, Reasoned},
    },
    config,
    standing::{OrchestratorStatus, Standing},
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Body, May, Operator, may::AdminWrite},
    state::AppState,
};

/// What a run is called.
pub(super) const JOB_TYPE: &str = "full-pipeline";

/// It is done, and how all agents stand now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrchestratorDone {
    success: bool,
    message: String,
    #[serde(flatten)]
    status: OrchestratorStatus,
}

impl OrchestratorDone {
    /// Reads how all agents stand after what was done.
    pub(super) async fn read(state: &AppState, message: impl Into<String>) -> ApiResult<Json<Self>> {
        let standing = Standing::read(&mut *state.pool.acquire().await?).await?;
        Ok(Json(Self { success: true, message: message.into(), status: standing.into() }))
    }
}

/// Lets no agent begin a cycle: pauses their queue, as `POST /api/admin/queues/agents/pause` does.
///
/// Workers follow within a second, whoever starts an agent in the meantime. A cycle at work goes on to
/// its end (`isDraining`): the kill switch stops it before its next step. Positions are not left by
/// agents while it lasts, and analyses that users ask for wait. Agents stay as their users set them.
#[utoipa::path(
    post, path = "/api/admin/orchestrator/pause", tag = "admin", operation_id = "orchestrator_pause",
    request_body = Reasoned,
    responses((status = 200, body = OrchestratorDone), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn pause(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<OrchestratorDone>> {
    let reason = body.optional()?.unwrap_or_else(|| "all agents are paused".to_owned());
    queues::set_paused(&state, &operator, "pause_queue", QUEUE, true, reason).await?;
    OrchestratorDone::read(&state, "agents are paused: no cycle begins").await
}

/// Lets agents begin cycles again: resumes their queue, as `POST /api/admin/queues/agents/resume` does.
///
/// Cycles that waited for longer than their time are left to the next ones. Agents that rest by their
/// users' wish go on resting.
#[utoipa::path(
    post, path = "/api/admin/orchestrator/resume", tag = "admin", operation_id = "orchestrator_resume",
    request_body = Reasoned,
    responses((status = 200, body = OrchestratorDone), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn resume(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<OrchestratorDone>> {
    let reason = body.optional()?.unwrap_or_else(|| "all agents go on".to_owned());
    queues::set_paused(&state, &operator, "resume_queue", QUEUE, false, reason).await?;
    OrchestratorDone::read(&state, "agents go on").await
}

/// Makes a cycle of every running agent due at once; one that has a cycle at work is left with it.
#[utoipa::path(
    post, path = "/api/admin/orchestrator/run-now", tag = "admin", operation_id = "orchestrator_run_now",
    request_body = Reasoned,
    responses(
        (status = 200, body = OrchestratorDone),
        (status = 403, description = "Needs `admin:write`."),
        (status = 409, description = "No agent runs, they are paused, or trading is halted.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn run_now(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<OrchestratorDone>> {
    run(&state, &operator, None, body.optional()?).await
}

/// What to run, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"jobType": "full-pipeline", "mode": "autonomous"}))]
pub(super) struct OrchestratorTrigger {
    /// `full-pipeline`: a cycle.
    job_type: Option<String>,
    /// Only agents in this mode: `autonomous`, `semi-auto` or `manual`; all of them unless sent.
    mode: Option<String>,
    /// At most 500 characters.
    reason: Option<String>,
}

/// Makes a cycle of every running agent in the mode due at once, as `run-now` does of all.
///
/// The mode chooses among agents and changes none: what an agent does by itself is its user's choice.
#[utoipa::path(
    post, path = "/api/admin/orchestrator/trigger", tag = "admin", operation_id = "orchestrator_trigger",
    request_body = OrchestratorTrigger,
    responses(
        (status = 200, body = OrchestratorDone),
        (status = 403, description = "Needs `admin:write`."),
        (status = 409, description = "No such agent runs, they are paused, or trading is halted.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn trigger(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(body): Body<OrchestratorTrigger>,
) -> ApiResult<Json<OrchestratorDone>> {
    if body.job_type.as_deref() != Some(JOB_TYPE) {
        return Err(ApiError::invalid_field("jobType", format!("jobType must be {JOB_TYPE}")));
    }
    let mode = config::mode(body.mode.as_deref())?;
    run(&state, &operator, mode, reason::optional(body.reason.as_deref())?).await
}

async fn run(
    state: &AppState,
    operator: &Operator,
    mode: Option<Mode>,
    reason: Option<String>,
) -> ApiResult<Json<OrchestratorDone>> {
    let mut tx = state.pool.begin().await?;
    let standing = Standing::read(&mut tx).await?;
    if standing.killed() {
        let details = json!({ "whose": "everybody", "tradingState": standing.platform.trading_state.as_str(),
                              "reason": standing.platform.reason });
        let message = "trading of everybody is halted: no cycle can begin";
        return Err(ApiError::conflict(codes::TRADING_HALTED, message).with_details(details));
    }
    if standing.queue.paused {
        let message = "agents are paused: resume them first";
        return Err(ApiError::conflict(codes::CONFLICT, message)
            .with_details(json!({ "reason": standing.queue.reason })));
    }
    let agents = agents::run_now(&mut tx, mode).await?;
    if agents == 0 {
        let which = mode.map_or_else(String::new, |mode| format!(" in the mode {}", mode.as_str()));
        return Err(ApiError::conflict(codes::AGENT_NOT_RUNNING, format!("no agent{which} runs")));
    }
    let after = json!({ "mode": mode, "agents": agents });
    let entry = audit::Entry { reason, ..operator.entry("run_agents", "agent", "all", after) };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    OrchestratorDone::read(state, format!("{agents} agents look now")).await
}

/// Forgets the failures that agents have counted, and what went wrong last; cycles and the audit log
/// keep theirs. A cycle that was put off by failures is not brought forward: `run-now` does that.
#[utoipa::path(
    post, path = "/api/admin/orchestrator/reset-stats", tag = "admin",
    operation_id = "orchestrator_reset_stats",
    request_body = Reasoned,
    responses((status = 200, body = OrchestratorDone), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn reset_stats(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<OrchestratorDone>> {
    let reason = body.optional()?;
    let mut tx = state.pool.begin().await?;
    let agents = agents::forget_failures(&mut tx).await?;
    let after = json!({ "agents": agents });
    let entry = audit::Entry { reason, ..operator.entry("reset_agent_stats", "agent", "all", after) };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.events();
    OrchestratorDone::read(&state, format!("the failures of {agents} agents are forgotten")).await
}
