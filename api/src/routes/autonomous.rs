//! The caller's agent: its switches, what it did, and the end of what it holds.
//!
//! Every user has one agent. It is stopped by the same kill switch, and held by the same limits, as
//! the user's own trading; cycles are carried out by workers.

mod closing;
mod control;
mod execute;
mod history;
mod limits;
mod mode;
mod orders;
mod refusal;
mod state;
mod status;
mod switch;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use control::{start, stop};
pub(super) use limits::LimitsView;

use crate::state::AppState;

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(status::status))
        .routes(routes!(state::state))
        .routes(routes!(control::start_agent))
        .routes(routes!(control::stop_agent))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(switch::switch))
        .routes(routes!(limits::change))
        .routes(routes!(mode::set_mode))
        .routes(routes!(mode::set_interval))
        .routes(routes!(execute::execute))
        .routes(routes!(history::executions))
        .routes(routes!(history::open_orders))
        .routes(routes!(closing::close_position))
        .routes(routes!(closing::close_all))
        .routes(routes!(orders::cancel_stale))
        .routes(routes!(orders::cancel_all))
        .routes(routes!(orders::sync_positions))
        .routes(routes!(orders::reconcile_positions))
}
