//! Reading sweeps.

use axum::{Json, extract::State};
use jobs::db::sweeps::{self, Filter, Kind, Status};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::{own, view::SweepView};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Id, Query},
    pagination::{Page, PageQuery, Paged},
    state::AppState,
};

/// Which sweeps to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only those in this state.
    #[param(example = "DONE")]
    status: Option<String>,
}

/// Returns the caller's sweeps, newest first.
#[utoipa::path(
    get, path = "/api/backtests/sweep", tag = "sweeps", params(ListQuery, PageQuery),
    responses((status = 200, body = [SweepView])), security(("session" = []))
)]
pub(super) async fn list(
    actor: Actor,
    page: Page,
    Query(query): Query<ListQuery>,
    State(state): State<AppState>,
) -> ApiResult<Paged<SweepView>> {
    newest(&actor, &page, &query, &state, Kind::Sweep).await
}

/// Returns a page of the caller's sweeps of `kind`.
pub(super) async fn newest(
    actor: &Actor,
    page: &Page,
    query: &ListQuery,
    state: &AppState,
    kind: Kind,
) -> ApiResult<Paged<SweepView>> {
    let status = query.status.as_deref().filter(|word| !word.is_empty());
    let status = status.map(|word| Status::parse(word).ok_or_else(|| unknown_status(word))).transpose()?;
    let limit = page.limit(50);
    let filter = Filter { status, after: page.after()?, limit: limit + 1 };
    let mut conn = state.pool.acquire().await?;
    let found = sweeps::list(&mut conn, actor.user_id, kind, filter).await?;
    Ok(page.reply(found, limit, |sweep| (sweep.created_at, sweep.id))?.map(SweepView::new))
}

fn unknown_status(word: &str) -> ApiError {
    let known = Status::ALL.map(Status::as_str).join(", ");
    ApiError::bad_request(codes::INVALID_QUERY, format!("status {word:?} is unknown, use one of {known}"))
}

/// Returns one sweep: how far it is and, once done, what it found.
#[utoipa::path(
    get, path = "/api/backtests/sweep/{id}", tag = "sweeps", params(("id" = Uuid, Path)),
    responses((status = 200, body = SweepView)), security(("session" = []))
)]
pub(super) async fn one(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
) -> ApiResult<Json<SweepView>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(SweepView::new(own(&mut conn, &actor, Kind::Sweep, id).await?)))
}
