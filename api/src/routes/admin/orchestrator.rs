//! All users' agents in operators' hands, under the name that clients know: the orchestrator.
//!
//! It has no state of its own. Agents are their users' rows, their cycles wait in the queue `agents`,
//! and the kill switch is the platform's trading state: the one that `POST /api/risk/state` sets for
//! everybody.

mod config;
mod control;
mod cycles;
mod health;
mod standing;
mod switch;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use health::OrchestratorHealth;

use crate::state::AppState;

/// Returns the routes of this folder.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::check))
        .routes(routes!(standing::status))
        .routes(routes!(config::read, config::change))
        .routes(routes!(cycles::list))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(control::run_now))
        .routes(routes!(control::trigger))
        .routes(routes!(control::reset_stats))
        .routes(routes!(switch::switch))
}
