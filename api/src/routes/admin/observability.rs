//! The screens of older clients: health, figures, the audit log, and the queue by its items.

mod health;
mod items;
mod logs;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Returns the routes of this folder.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    health::note_start();
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::metrics))
        .routes(routes!(health::summary))
        .routes(routes!(logs::logs))
        .routes(routes!(logs::trace))
        .routes(routes!(items::list))
        .routes(routes!(items::one))
        .routes(routes!(items::retry))
        .routes(routes!(items::cancel))
        .routes(routes!(items::dead_letter))
}
