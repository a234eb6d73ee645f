//! What all sources say together, as workers last fused it.

mod intelligence;
mod market_data;
pub(super) mod status;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(status::status))
        .routes(routes!(status::short))
        .routes(routes!(intelligence::intelligence))
        .routes(routes!(market_data::market_data))
}
