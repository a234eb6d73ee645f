//! Reading the rows of results: equity, trades, figures.

use axum::{Json, extract::State};
use jobs::db::backtests;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    own,
    view::{PointView, TradeView},
};
use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Id},
    pagination::{Page, PageQuery, Paged},
    state::AppState,
};

/// Rows without a `limit`: existing clients ask for none and expect the whole list. More
/// sessions than any daily run has.
const WHOLE: i64 = 50_000;
/// Fills without a `limit`.
const MANY_TRADES: i64 = 10_000;

/// Returns the equity curve, oldest first; empty until the run is done.
///
/// With `limit` in pages: the header `X-Next-Cursor` says where the next one starts.
#[utoipa::path(
    get, path = "/api/backtests/{id}/equity", tag = "backtests", params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = [PointView])), security(("session" = []))
)]
pub(super) async fn equity(
    actor: Actor,
    Id(id): Id<Uuid>,
    page: Page,
    State(state): State<AppState>,
) -> ApiResult<Paged<PointView>> {
    let (limit, after) = (page.limit(WHOLE), page.after()?.unwrap_or(0));
    let mut conn = state.pool.acquire().await?;
    let run = own(&mut conn, &actor, id).await?;
    let points = backtests::equity_page(&mut conn, run.results_of(), after, limit + 1).await?;
    Ok(page.reply(points, limit, |point| point.seq)?.map(|point| PointView::new(&point)))
}

/// The equity curve in an envelope.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Curve {
    /// Oldest first.
    points: Vec<PointView>,
}

/// Returns the whole equity curve in an envelope; empty until the run is done.
#[utoipa::path(
    get, path = "/api/backtests/{id}/equity-curve", tag = "backtests", params(("id" = Uuid, Path)),
    responses((status = 200, body = Curve)), security(("session" = []))
)]
pub(super) async fn equity_curve(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
) -> ApiResult<Json<Curve>> {
    let mut conn = state.pool.acquire().await?;
    let run = own(&mut conn, &actor, id).await?;
    let points = backtests::equity_page(&mut conn, run.results_of(), 0, WHOLE).await?;
    Ok(Json(Curve { points: points.iter().map(PointView::new).collect() }))
}

/// Returns the fills, oldest first; empty until the run is done.
///
/// In pages of `limit`, or of 10000: the header `X-Next-Cursor` says where the next one starts.
#[utoipa::path(
    get, path = "/api/backtests/{id}/trades", tag = "backtests", params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = [TradeView])), security(("session" = []))
)]
pub(super) async fn trades(
    actor: Actor,
    Id(id): Id<Uuid>,
    page: Page,
    State(state): State<AppState>,
) -> ApiResult<Paged<TradeView>> {
    let (limit, after) = (page.limit(MANY_TRADES), page.after()?.unwrap_or(0));
    let mut conn = state.pool.acquire().await?;
    let run = own(&mut conn, &actor, id).await?;
    let trades = backtests::trades_page(&mut conn, run.results_of(), after, limit + 1).await?;
    Ok(page.reply(trades, limit, |trade| trade.seq)?.map(|trade| TradeView::new(id, trade)))
}

/// Returns the figures of a finished run; 404 while there are none.
#[utoipa::path(
    get, path = "/api/backtests/{id}/results", tag = "backtests", params(("id" = Uuid, Path)),
    responses((status = 200, body = Object)), security(("session" = []))
)]
pub(super) async fn summary(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
) -> ApiResult<Json<Value>> {
    let mut conn = state.pool.acquire().await?;
    let run = own(&mut conn, &actor, id).await?;
    run.results_summary.map(Json).ok_or_else(|| ApiError::not_found("results of the backtest"))
}
