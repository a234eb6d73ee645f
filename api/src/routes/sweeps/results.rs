//! The ranked combinations of a sweep.

use axum::extract::State;
use jobs::db::sweeps::{self, Kind, Status};
use uuid::Uuid;

use super::{own, view::RankedView};
use crate::{
    error::ApiResult,
    extract::{Actor, Id},
    pagination::{Page, PageQuery, Paged},
    state::AppState,
};

/// Returns the combinations of a sweep, best first; empty until it is done.
///
/// In pages of `limit`, or of 100: the header `X-Next-Cursor` says where the next one starts.
#[utoipa::path(
    get, path = "/api/backtests/sweep/{id}/results", tag = "sweeps", params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = [RankedView])), security(("session" = []))
)]
pub(super) async fn results(
    actor: Actor,
    Id(id): Id<Uuid>,
    page: Page,
    State(state): State<AppState>,
) -> ApiResult<Paged<RankedView>> {
    let (limit, after) = (page.limit(100), page.after()?.unwrap_or(0));
    let mut conn = state.pool.acquire().await?;
    let sweep = own(&mut conn, &actor, Kind::Sweep, id).await?;
    let found = match sweep.status {
        Status::Done => sweeps::results_page(&mut conn, id, after, limit + 1).await?,
        _ => Vec::new(),
    };
    Ok(page.reply(found, limit, |one| one.rank)?.map(RankedView::from))
}
