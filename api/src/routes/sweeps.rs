//! Sweeps and walk-forwards: asking for one, watching it, reading its results.
//!
//! Workers carry them out in parts; these routes record what is wanted and read what has become
//! of it. Their paths are fixed words where a single run has its id, which the router prefers.

mod cancel;
mod read;
mod request;
mod results;
mod submit;
mod view;
mod walk_forward;

use jobs::db::sweeps::{self, Kind, Sweep};
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
        .routes(routes!(read::one))
        .routes(routes!(results::results))
        .routes(routes!(cancel::cancel))
        .routes(routes!(walk_forward::list, walk_forward::create))
        .routes(routes!(walk_forward::one))
        .routes(routes!(walk_forward::equity))
        .routes(routes!(walk_forward::cancel))
}

/// Returns the caller's sweep, or 404.
async fn own(conn: &mut PgConnection, actor: &Actor, kind: Kind, id: Uuid) -> ApiResult<Sweep> {
    let what = match kind {
        Kind::Sweep => "sweep",
        Kind::WalkForward => "walk-forward",
    };
    sweeps::get(conn, actor.user_id, kind, id).await?.ok_or_else(|| ApiError::not_found(what))
}
