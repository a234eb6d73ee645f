//! One file for each resource; each has `routes()`, which both mounts and documents.

pub mod admin;
pub mod agent;
pub mod ai;
pub mod auth;
pub mod autonomous;
pub mod backtests;
pub mod candidates;
pub mod connectors;
pub mod events;
pub mod feeds;
pub mod fusion;
pub mod health;
pub mod market;
pub mod metrics;
pub mod strategies;
pub mod sweeps;
pub mod trading;
pub mod users;
pub mod watchlists;

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
        .merge(autonomous::routes())
        .merge(agent::routes())
        .merge(ai::routes())
        .merge(candidates::routes())
        .merge(connectors::routes())
        .merge(market::routes())
        .merge(feeds::routes())
        .merge(fusion::routes())
        .merge(watchlists::routes())
        .merge(events::routes())
        .merge(admin::routes())
}
