//! Reading positions.
//!
//! Users see what is theirs by our records. What the account holds beyond all records belongs to
//! nobody here: administrators see it, marked by `hasDatabaseRecord: false`.

mod view;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use jobs::db::trading_views::{self, PositionRow};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub(in crate::routes) use view::PositionView;
pub(super) use view::Worth;

use super::source::{Seen, Source};
use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Name},
    state::AppState,
};

/// The caller's positions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PositionList {
    /// By symbol.
    positions: Vec<PositionView>,
    #[serde(rename = "_source")]
    source: Source,
}

/// Returns the caller's positions at the broker's last prices.
///
/// 503 while the broker has never been reached.
#[utoipa::path(
    get, path = "/api/positions", operation_id = "list_positions", tag = "trading",
    responses(
        (status = 200, body = PositionList),
        (status = 503, description = "The broker is not configured or has never been reached.")),
    security(("session" = []))
)]
pub(super) async fn list(actor: Actor, State(state): State<AppState>) -> ApiResult<Response> {
    let (seen, rows) = read(&actor, &state).await?;
    if !seen.is_available() {
        return Ok(seen.away());
    }
    let positions = rows.into_iter().map(|row| PositionView::new(row, &seen)).collect();
    Ok(Json(PositionList { positions, source: seen.source }).into_response())
}

/// Returns the caller's positions as a plain array.
#[utoipa::path(
    get, path = "/api/trading/positions", operation_id = "plain_positions", tag = "trading",
    responses(
        (status = 200, body = [PositionView]),
        (status = 503, description = "The broker is not configured or has never been reached.")),
    security(("session" = []))
)]
pub(super) async fn plain(actor: Actor, State(state): State<AppState>) -> ApiResult<Response> {
    let (seen, rows) = read(&actor, &state).await?;
    if !seen.is_available() {
        return Ok(seen.away());
    }
    let positions: Vec<_> = rows.into_iter().map(|row| PositionView::new(row, &seen)).collect();
    Ok(Json(positions).into_response())
}

/// Returns the caller's positions in the broker's shape, as a plain array.
#[utoipa::path(
    get, path = "/api/alpaca/positions", operation_id = "brokers_positions", tag = "trading",
    responses(
        (status = 200, body = [Object]),
        (status = 503, description = "The broker is not configured or has never been reached.")),
    security(("session" = []))
)]
pub(super) async fn brokers(actor: Actor, State(state): State<AppState>) -> ApiResult<Response> {
    let (seen, rows) = read(&actor, &state).await?;
    if !seen.is_available() {
        return Ok(seen.away());
    }
    let shapes: Vec<_> = rows.iter().map(view::brokers_shape).collect();
    Ok(Json(shapes).into_response())
}

/// Returns the caller's position in a symbol.
#[utoipa::path(
    get, path = "/api/positions/{id}", operation_id = "position", tag = "trading",
    params(("id" = String, Path, description = "The symbol: a user has one position in each")),
    responses((status = 200, body = PositionView)), security(("session" = []))
)]
pub(super) async fn one(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
) -> ApiResult<Json<PositionView>> {
    let mut conn = state.pool.acquire().await?;
    let symbol = id.to_ascii_uppercase();
    let row = trading_views::position(&mut conn, actor.user_id, &symbol).await?;
    let row = row.ok_or_else(|| ApiError::not_found("position"))?;
    let seen = Seen::load(&mut conn, &state).await?;
    Ok(Json(PositionView::new(row, &seen)))
}

async fn read(actor: &Actor, state: &AppState) -> ApiResult<(Seen, Vec<PositionRow>)> {
    let mut conn = state.pool.acquire().await?;
    let seen = Seen::load(&mut conn, state).await?;
    let rows = visible(&mut conn, actor).await?;
    Ok((seen, rows))
}

async fn visible(conn: &mut PgConnection, actor: &Actor) -> ApiResult<Vec<PositionRow>> {
    let mut rows = trading_views::positions(conn, actor.user_id).await?;
    if actor.is_admin {
        rows.extend(trading_views::unattributed(conn).await?);
    }
    Ok(rows)
}
