//! Walk-forwards: asking for one, reading it, stopping it.

use axum::{Json, extract::State};
use chrono::{NaiveDate, NaiveTime};
use jobs::{
    Job,
    db::{
        audit,
        sweeps::{self, Kind, NewWindow},
    },
    kinds::{run_walk_forward_window::RunWalkForwardWindow, stitch_walk_forward::StitchWalkForward},
    queue::{Enqueue, enqueue, enqueue_many},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    cancel::{CancelSweep, stop},
    own,
    read::{ListQuery, newest},
    request::{self, Ids, Prepared, not_enqueued, options},
    view::{SweepView, WalkForwardView, WindowView},
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Id, Query},
    pagination::{Page, PageQuery, Paged},
    routes::backtests::request::refuse,
    state::AppState,
    timestamp,
};

/// Points without a `limit`: more sessions than any daily run has.
const WHOLE: i64 = 50_000;

/// Queues a walk-forward and replies at once.
///
/// Each window is a job: it tries every combination on its training sessions, and the best one on
/// the sessions that follow. One more job chains the tests into one curve and says how much of
/// what looked good was left. 400 with a code and the field at fault when it can't be run:
/// nothing is queued then.
#[utoipa::path(
    post, path = "/api/backtests/walk-forward", tag = "walk_forwards",
    request_body = request::WalkForwardRequest,
    responses(
        (status = 200, body = WalkForwardView), (status = 429, description = "Too many sweeps are unfinished.")),
    security(("session" = []))
)]
pub(super) async fn create(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<WalkForwardView>> {
    let prepared = request::prepare(&state, &actor, body, Kind::WalkForward).await?;
    let stored = prepared.stored()?;
    let (id, job_id) = (Uuid::now_v7(), Enqueue::new_id());
    let ids = Ids { sweep: id, user: actor.user_id, job: job_id, kind: Kind::WalkForward };

    let mut tx = state.pool.begin().await?;
    let (universe, from, to) = prepared.range();
    let dates = sweeps::sessions(&mut tx, universe, from, to).await?;
    let windows = cut(&prepared, &dates)?;
    let combinations = prepared.combinations()?;
    let numbers = 0..i32::try_from(windows.len()).map_err(ApiError::internal)?;
    let total = combinations * numbers.end;
    sweeps::insert(&mut tx, prepared.row(ids, &stored, total)?).await?;
    let parts: Vec<RunWalkForwardWindow> =
        numbers.map(|window| RunWalkForwardWindow { sweep_id: id, window }).collect();
    let jobs = enqueue_many(&mut tx, &parts, &options(&actor, id)).await.map_err(not_enqueued)?;
    if jobs.len() != parts.len() {
        return Err(ApiError::internal("a window of a new walk-forward was queued already"));
    }
    sweeps::add_windows(&mut tx, id, &jobs, combinations, &windows).await?;
    let stitching = options(&actor, id).id(job_id).after(&jobs);
    enqueue(&mut tx, &StitchWalkForward { sweep_id: id }, stitching).await.map_err(not_enqueued)?;
    let entry = audit::Entry {
        after: Some(stored.request.clone()),
        ..actor.entry("create_walk_forward", "walk_forward", id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    let sweep = own(&mut tx, &actor, Kind::WalkForward, id).await?;
    let results = sweeps::windows(&mut tx, id).await?;
    tx.commit().await?;
    state.hints.jobs(RunWalkForwardWindow::QUEUE);
    state.hints.events();
    Ok(Json(view(sweep, results)))
}

/// Cuts the sessions into windows, and refuses more work than is allowed.
fn cut(prepared: &Prepared, dates: &[NaiveDate]) -> ApiResult<Vec<NewWindow>> {
    let plan = prepared.plan.ok_or_else(|| ApiError::internal("a walk-forward without windows"))?;
    let stretches = plan.windows(dates.len()).map_err(refuse)?;
    let trained: usize = stretches.iter().map(|one| one.test_start - one.train_start).sum();
    let bars_a_session = prepared.bars.div_ceil(u64::try_from(dates.len()).unwrap_or(u64::MAX).max(1));
    prepared.limit_work(bars_a_session.saturating_mul(u64::try_from(trained).unwrap_or(u64::MAX)))?;
    let windows = stretches.iter().map(|one| {
        Some(NewWindow {
            train_start: *dates.get(one.train_start)?,
            train_end: *dates.get(one.test_start.checked_sub(1)?)?,
            test_start: *dates.get(one.test_start)?,
            test_end: *dates.get(one.test_end.checked_sub(1)?)?,
        })
    });
    let windows: Option<Vec<NewWindow>> = windows.collect();
    windows.ok_or_else(|| ApiError::new(codes::INTERNAL, "a window ends after the last session"))
}

fn view(sweep: sweeps::Sweep, results: Vec<sweeps::Window>) -> WalkForwardView {
    WalkForwardView {
        sweep: SweepView::new(sweep),
        results: results.into_iter().map(WindowView::from).collect(),
    }
}

/// Returns the caller's walk-forwards, newest first, without their windows.
#[utoipa::path(
    get, path = "/api/backtests/walk-forward", tag = "walk_forwards", params(ListQuery, PageQuery),
    responses((status = 200, body = [SweepView])), security(("session" = []))
)]
pub(super) async fn list(
    actor: Actor,
    page: Page,
    Query(query): Query<ListQuery>,
    State(state): State<AppState>,
) -> ApiResult<Paged<SweepView>> {
    newest(&actor, &page, &query, &state, Kind::WalkForward).await
}

/// Returns one walk-forward with its windows: how far it is and, once done, what it found.
#[utoipa::path(
    get, path = "/api/backtests/walk-forward/{id}", tag = "walk_forwards", params(("id" = Uuid, Path)),
    responses((status = 200, body = WalkForwardView)), security(("session" = []))
)]
pub(super) async fn one(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
) -> ApiResult<Json<WalkForwardView>> {
    let mut conn = state.pool.acquire().await?;
    let sweep = own(&mut conn, &actor, Kind::WalkForward, id).await?;
    let windows = sweeps::windows(&mut conn, id).await?;
    Ok(Json(view(sweep, windows)))
}

/// A point of the chained curve.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChainedPoint {
    /// The session's date at 00:00 UTC.
    ts: String,
    /// The same as `ts`.
    date: String,
    /// Money.
    equity: f64,
    /// The window that it belongs to, from 1.
    window: i32,
}

/// Returns the curve of the tests, chained, oldest first; empty until the walk-forward is done.
///
/// With `limit` in pages: the header `X-Next-Cursor` says where the next one starts.
#[utoipa::path(
    get, path = "/api/backtests/walk-forward/{id}/equity", tag = "walk_forwards",
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = [ChainedPoint])), security(("session" = []))
)]
pub(super) async fn equity(
    actor: Actor,
    Id(id): Id<Uuid>,
    page: Page,
    State(state): State<AppState>,
) -> ApiResult<Paged<ChainedPoint>> {
    let limit = page.limit(WHOLE);
    let mut conn = state.pool.acquire().await?;
    own(&mut conn, &actor, Kind::WalkForward, id).await?;
    let points = sweeps::equity_page(&mut conn, id, page.after()?, limit + 1).await?;
    Ok(page.reply(points, limit, |point| point.date)?.map(|point| {
        let ts = timestamp::text(point.date.and_time(NaiveTime::MIN).and_utc());
        ChainedPoint { date: ts.clone(), ts, equity: point.equity, window: point.part + 1 }
    }))
}

/// Cancels a walk-forward.
///
/// Its waiting jobs are cancelled in the reply, running ones are asked to stop; nothing they still
/// do is recorded. 409 `ALREADY_FINISHED` for a finished one.
#[utoipa::path(
    post, path = "/api/backtests/walk-forward/{id}/cancel", tag = "walk_forwards",
    params(("id" = Uuid, Path)), request_body = CancelSweep,
    responses(
        (status = 200, body = SweepView), (status = 409, description = "The walk-forward is finished.")),
    security(("session" = []))
)]
pub(super) async fn cancel(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
    Body(body): Body<CancelSweep>,
) -> ApiResult<Json<SweepView>> {
    stop(&actor, id, &state, body, Kind::WalkForward).await
}
