//! Asking for a run.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use jobs::{
    Job,
    db::{
        audit,
        backtests::{self, NewRun, Run, Status},
        events::Event,
    },
    kinds::run_backtest::RunBacktest,
    queue::{Enqueue, EnqueueError, enqueue},
};
use serde_json::Value;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout, timeout_at},
};
use uuid::Uuid;

use super::{
    own,
    request::{self, Checked},
    view::RunView,
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body},
    state::AppState,
};

/// When to try again after too many runs. Seconds.
const RETRY_S: u64 = 5;
/// How often a waiting reply looks at the run without having been told to.
const LOOK: Duration = Duration::from_millis(500);

/// Queues a back-test and replies at once.
///
/// 400 with a code and the field at fault when it can't be run: nothing is queued then.
#[utoipa::path(
    post, path = "/api/backtests", tag = "backtests", request_body = request::RunRequest,
    responses(
        (status = 200, body = RunView), (status = 429, description = "Too many runs are unfinished.")),
    security(("session" = []))
)]
pub(super) async fn create(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<RunView>> {
    let run = submit(&state, &actor, &body).await?;
    Ok(Json(RunView::new(run)))
}

/// Queues a back-test and replies when a worker has taken it, or after two seconds.
///
/// Clients that read the reply of a finished run poll on only while it says `RUNNING`.
#[utoipa::path(
    post, path = "/api/backtests/run", tag = "backtests", request_body = request::RunRequest,
    responses(
        (status = 200, body = RunView), (status = 429, description = "Too many runs are unfinished.")),
    security(("session" = []))
)]
pub(super) async fn create_and_wait(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<RunView>> {
    // Before the run exists, so that its first event can't be missed.
    let mut told = state.hub.subscribe();
    let mut run = submit(&state, &actor, &body).await?;
    let end = Instant::now() + Duration::from_millis(state.config.api.run_wait_ms);
    while run.status == Status::Queued && Instant::now() < end {
        let _ = timeout_at(end, timeout(LOOK, until_about(&mut told, run.id))).await;
        let mut conn = state.pool.acquire().await?;
        run = own(&mut conn, &actor, run.id).await?;
    }
    Ok(Json(RunView::new(run)))
}

/// Waits for an event about `id`, or for a reason to look anyway.
pub(in crate::routes) async fn until_about(told: &mut Receiver<Arc<Event>>, id: Uuid) {
    loop {
        match told.recv().await {
            Ok(event) if event.subject_id == Some(id) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // The process is stopping: the time limit ends the wait.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Checks the request; then run, job and audit row in one transaction.
async fn submit(state: &AppState, actor: &Actor, body: &Value) -> ApiResult<Run> {
    let mut tx = state.pool.begin().await?;
    // Requests in flight at once can go over it by their number, which is limited itself.
    let most = state.config.backtest.max_unfinished_per_user;
    if backtests::unfinished(&mut tx, actor.user_id, most).await? >= most {
        let message = format!("{most} backtests are unfinished already: wait for one, or cancel it");
        return Err(ApiError::new(codes::TOO_MANY_RUNS, message).retry_after(RETRY_S));
    }
    let Checked { strategy_id, request, config_hash, initial_cash } =
        request::check(&mut tx, actor, body, state.config.backtest.max_bars).await?;
    let (id, job_id) = (Uuid::now_v7(), Enqueue::new_id());
    let config = serde_json::to_value(&request.config).map_err(ApiError::internal)?;
    let presented = request::presented(&request)?;
    let new = NewRun {
        id,
        user_id: actor.user_id,
        strategy_id,
        job_id,
        request: &presented,
        config: &config,
        config_hash: &config_hash,
        universe: &request.universe,
        start_date: request.from,
        end_date: request.to,
        initial_cash,
    };
    backtests::insert(&mut tx, new).await?;
    let mut options = Enqueue::default().id(job_id);
    if let Some(trace_id) = &actor.client.trace_id {
        options = options.trace_id(trace_id);
    }
    enqueue(&mut tx, &RunBacktest { backtest_id: id }, options).await.map_err(|error| match error {
        EnqueueError::Database(error) => ApiError::from(error),
        other => ApiError::internal(other),
    })?;
    let entry =
        audit::Entry { after: Some(presented), ..actor.entry("create_backtest", "backtest", id.to_string()) };
    audit::record(&mut tx, entry).await?;
    let run = own(&mut tx, actor, id).await?;
    tx.commit().await?;
    state.hints.jobs(RunBacktest::QUEUE);
    state.hints.events();
    Ok(run)
}
