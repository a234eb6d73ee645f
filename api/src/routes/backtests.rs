//! Back-test runs: asking for one, watching it, reading its results.
//!
//! A run is carried out by a worker; these routes record what is wanted and read what has
//! become of it.

pub(super) mod cancel;
mod read;
pub(super) mod request;
mod results;
pub(super) mod submit;
mod view;
mod watch;

use jobs::db::backtests::{self, Run};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult},
    extract::Actor,
    state::AppState,
};

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list, submit::create))
        .routes(routes!(submit::create_and_wait))
        .routes(routes!(read::one))
        .routes(routes!(results::equity))
        .routes(routes!(results::equity_curve))
        .routes(routes!(results::trades))
        .routes(routes!(results::summary))
        .routes(routes!(cancel::cancel))
        .routes(routes!(watch::watch))
}

/// Returns the caller's run, or 404.
async fn own(conn: &mut PgConnection, actor: &Actor, id: Uuid) -> ApiResult<Run> {
    backtests::get(conn, actor.user_id, id).await?.ok_or_else(|| ApiError::not_found("backtest"))
}
