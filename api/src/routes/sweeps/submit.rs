//! Asking for a sweep.

use axum::{Json, extract::State};
use jobs::{
    Job,
    db::{
        audit,
        sweeps::{self, Kind},
    },
    kinds::{
        rank_sweep::RankSweep,
        run_sweep_slice::{RunSweepSlice, cells_per_slice},
    },
    queue::{Enqueue, enqueue, enqueue_many},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    own,
    request::{self, Ids, not_enqueued, options},
    view::SweepView,
};
use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Body},
    state::AppState,
};

/// Queues a sweep and replies at once.
///
/// The grid is split into slices of which each is a job; one more ranks them. Combinations that
/// make no sense, such as a fast mean that is not faster, are counted as skipped. 400 with a code
/// and the field at fault when it can't be run: nothing is queued then.
#[utoipa::path(
    post, path = "/api/backtests/sweep", tag = "sweeps", request_body = request::SweepRequest,
    responses(
        (status = 200, body = SweepView), (status = 429, description = "Too many sweeps are unfinished.")),
    security(("session" = []))
)]
pub(super) async fn create(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<SweepView>> {
    let prepared = request::prepare(&state, &actor, body, Kind::Sweep).await?;
    let stored = prepared.stored()?;
    let (id, job_id) = (Uuid::now_v7(), Enqueue::new_id());
    let ids = Ids { sweep: id, user: actor.user_id, job: job_id, kind: Kind::Sweep };
    let combinations = prepared.combinations()?;
    let cells = cells_per_slice(prepared.bars);
    // Rounded up: the last slice takes what is left.
    let count = (combinations + cells - 1) / cells;
    let slices: Vec<RunSweepSlice> = (0..count).map(|slice| RunSweepSlice { sweep_id: id, slice }).collect();

    let mut tx = state.pool.begin().await?;
    sweeps::insert(&mut tx, prepared.row(ids, &stored, combinations)?).await?;
    let jobs = enqueue_many(&mut tx, &slices, &options(&actor, id)).await.map_err(not_enqueued)?;
    if jobs.len() != slices.len() {
        return Err(ApiError::internal("a slice of a new sweep was queued already"));
    }
    sweeps::add_parts(&mut tx, id, &jobs, cells, combinations).await?;
    let ranking = options(&actor, id).id(job_id).after(&jobs);
    enqueue(&mut tx, &RankSweep { sweep_id: id }, ranking).await.map_err(not_enqueued)?;
    let entry = audit::Entry {
        after: Some(stored.request.clone()),
        ..actor.entry("create_sweep", "sweep", id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    let sweep = own(&mut tx, &actor, Kind::Sweep, id).await?;
    tx.commit().await?;
    state.hints.jobs(RunSweepSlice::QUEUE);
    state.hints.events();
    Ok(Json(SweepView::new(sweep)))
}
