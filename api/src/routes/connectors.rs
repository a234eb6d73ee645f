//! The connectors to providers of data and models, as workers last found them.

mod catalogue;
pub(super) mod seen;
pub(super) mod view;

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::view::ConnectorView;
use crate::{error::ApiResult, extract::Actor, state::AppState, timestamp};

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(status))
}

/// Every connector: by group and id, and as a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectorsStatus {
    crypto: BTreeMap<&'static str, ConnectorView>,
    stock: BTreeMap<&'static str, ConnectorView>,
    ai: BTreeMap<&'static str, ConnectorView>,
    fusion: BTreeMap<&'static str, ConnectorView>,
    all_connectors: Vec<ConnectorView>,
    timestamp: String,
}

/// Returns how every connector stands, and of which there are none here.
#[utoipa::path(
    get, path = "/api/connectors/status", operation_id = "connectors_status", tag = "data",
    responses((status = 200, body = ConnectorsStatus)), security(("session" = []))
)]
async fn status(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<ConnectorsStatus>> {
    let _ = actor;
    let seen = seen::read(&mut *state.pool.acquire().await?, &state).await?;
    let all: Vec<ConnectorView> = seen.iter().map(ConnectorView::from).collect();
    let group = |group: &str| {
        let inside = all.iter().filter(|view| view.category() == group);
        inside.map(|view| (view.id(), view.clone())).collect()
    };
    Ok(Json(ConnectorsStatus {
        crypto: group("crypto"),
        stock: group("stock"),
        ai: group("ai"),
        fusion: group("fusion"),
        all_connectors: all,
        timestamp: timestamp::now(),
    }))
}
