//! One file for each resource; each has `routes()`, which both mounts and documents.

pub mod admin;
pub mod auth;
pub mod backtests;
pub mod events;
pub mod health;
pub mod metrics;
pub mod strategies;
pub mod sweeps;
pub mod trading;
pub mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::{openapi, state::AppState};

/// Returns every route with its documentation.
pub fn routes() -> OpenApiRouter<AppState> {
    openapi::router()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(auth::routes())
        .merge(users::routes())
        .merge(strategies::routes())
        .merge(sweeps::routes())
        .merge(backtests::routes())
        .merge(trading::routes())
        .merge(events::routes())
        .merge(admin::routes())
}
