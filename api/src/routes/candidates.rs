//! What the caller's agent may buy: candidates, and the caller's word on them.
//!
//! No job ever approves one.

mod change;
mod generate;
mod list;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::proposals))
        .routes(routes!(change::approve))
        .routes(routes!(change::reject))
        .routes(routes!(generate::generate))
}
