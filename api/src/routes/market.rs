//! Quotes, out of the rows that workers keep fresh.
//!
//! Nothing here asks a provider: what is too old makes a job, for which a read waits a moment, and
//! then answers with what there is. What nobody knows is null.

pub(super) mod fresh;
mod quotes;
pub(super) mod refresh;
mod snapshot;
mod stock;
pub(super) mod symbols;
pub(super) mod worth;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(snapshot::snapshot))
        .routes(routes!(quotes::quotes))
        .routes(routes!(stock::quote))
}
