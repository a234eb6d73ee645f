//! Orders, fills, positions, the account, and the limits within which all of it happens.
//!
//! Nothing here talks to the broker. A write records what is wanted, with the job that carries it
//! out; a read shows what workers wrote down. Orders and positions are their user's; the account
//! is the deployment's.

mod account;
mod activity;
pub(super) mod amount;
mod analytics;
mod cancel;
pub(super) mod day;
mod fills;
mod idempotency;
mod market;
pub(super) mod order_view;
mod orders;
pub(super) mod place;
pub(super) mod positions;
pub(super) mod reconcile;
mod replace;
pub(super) mod risk;
pub(super) mod source;
mod trades;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(orders::list, place::create))
        .routes(routes!(orders::recent))
        .routes(routes!(orders::one, replace::replace, cancel::delete))
        .routes(routes!(cancel::cancel))
        .routes(routes!(reconcile::sync_orders))
        .routes(routes!(orders::plain, place::create_in_trading))
        .routes(routes!(orders::brokers, place::create_as_broker))
        .routes(routes!(orders::brokers_one, cancel::delete_as_broker))
        .routes(routes!(fills::list))
        .routes(routes!(fills::list_below_orders))
        .routes(routes!(fills::of_order))
        .routes(routes!(fills::of_order_below_orders))
        .routes(routes!(trades::list))
        .routes(routes!(trades::enriched))
        .routes(routes!(positions::list))
        .routes(routes!(positions::plain))
        .routes(routes!(positions::brokers))
        .routes(routes!(positions::one))
        .routes(routes!(account::snapshot))
        .routes(routes!(account::account))
        .routes(routes!(account::brokers))
        .routes(routes!(account::portfolio))
        .routes(routes!(reconcile::reconcile))
        .routes(routes!(reconcile::reconcile_positions))
        .routes(routes!(reconcile::status))
        .routes(routes!(market::status))
        .routes(routes!(analytics::summary))
        .routes(routes!(activity::timeline))
        .merge(risk::routes())
}
