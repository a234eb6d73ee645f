//! The queue in operators' hands. Every route asks for a capability, of a session or an API
//! key; every change is one transaction with its audit row.

mod bulk;
mod changes;
mod connectors;
mod fleet;
mod fork;
mod jobs;
mod limits;
mod observability;
mod orchestrator;
mod orders;
mod providers;
mod queues;
mod rbac;
mod reason;
mod schedules;
mod selection;
mod view;
mod work_items;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Returns the routes of this folder.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(rbac::me))
        .routes(routes!(queues::list))
        .routes(routes!(queues::one, queues::resize))
        .routes(routes!(queues::pause))
        .routes(routes!(queues::resume))
        .routes(routes!(queues::drain))
        .routes(routes!(limits::list))
        .routes(routes!(limits::one, limits::put, limits::delete))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::one))
        .routes(routes!(jobs::why))
        .routes(routes!(changes::retry))
        .routes(routes!(changes::cancel))
        .routes(routes!(changes::discard))
        .routes(routes!(changes::resolve))
        .routes(routes!(fork::fork))
        .routes(routes!(orders::disown))
        .routes(routes!(orders::adopt))
        .routes(routes!(bulk::submit))
        .routes(routes!(bulk::one))
        .routes(routes!(bulk::stop))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::one, schedules::patch, schedules::delete))
        .routes(routes!(schedules::trigger))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(fleet::workers))
        .routes(routes!(fleet::leader))
        .routes(routes!(providers::providers))
        .routes(routes!(fleet::errors))
        .routes(routes!(fleet::database))
        .routes(routes!(work_items::list))
        .routes(routes!(work_items::retry))
        .routes(routes!(work_items::dead_letter))
        .merge(connectors::routes())
        .merge(observability::routes())
        .merge(orchestrator::routes())
}
