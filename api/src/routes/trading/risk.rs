//! Limits, locks and switches.
//!
//! Every change is audited in its own transaction; workers read all of it afresh before they send
//! anything.

pub(in crate::routes) mod closing;
pub(in crate::routes) mod decode;
pub(in crate::routes) mod kill_switch;
mod locks;
pub(in crate::routes) mod settings;
mod trading_state;

use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use settings::SettingsView;

use crate::{error::ApiResult, extract::Actor, state::AppState};

/// Returns the routes of this resource.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(settings::settings, settings::change))
        .routes(routes!(kill_switch::switch))
        .routes(routes!(closing::close_all))
        .routes(routes!(closing::close_positions))
        .routes(routes!(closing::close_one))
        .routes(routes!(closing::liquidate))
        .routes(routes!(locks::list, locks::create))
        .routes(routes!(locks::remove))
        .routes(routes!(trading_state::read, trading_state::change))
}

/// Returns the caller's limits and switches.
pub(super) async fn read(conn: &mut PgConnection, actor: &Actor) -> ApiResult<SettingsView> {
    let settings = jobs::db::risk::settings(conn, actor.user_id).await?;
    Ok(SettingsView::new(settings))
}
