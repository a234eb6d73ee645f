//! The switch that stops the caller's trading.

use axum::{Json, extract::State};
use jobs::db::risk::{self, Settings};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{SettingsView, decode::Fields};
use crate::{
    error::ApiResult,
    extract::{Actor, Body},
    state::AppState,
};

/// Which way to throw the switch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"activate": true, "reason": "strange fills"}))]
pub(in crate::routes) struct SwitchBody {
    /// On or off.
    pub(in crate::routes) activate: bool,
    /// Kept in the audit log; at most 500 characters.
    reason: Option<String>,
}

impl SwitchBody {
    /// Reads what was sent.
    pub(in crate::routes) fn read(body: Value) -> ApiResult<Self> {
        let mut fields = Fields::new(body)?;
        let activate = fields.required_flag("activate");
        let reason = fields.reason();
        fields.check()?;
        Ok(Self { activate: activate.unwrap_or(true), reason })
    }

    /// Throws the switch of `actor` in the transaction, audited.
    pub(in crate::routes) async fn throw(
        &self,
        conn: &mut PgConnection,
        actor: &Actor,
    ) -> sqlx::Result<Settings> {
        let (user, trace_id) = (actor.user_id, actor.client.trace_id.as_deref());
        risk::kill_switch(conn, Some(user), user, self.activate, self.reason.as_deref(), trace_id).await
    }
}

/// How the switch stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SwitchView {
    kill_switch_active: bool,
    /// Whether anything new is entered.
    is_running: bool,
    message: String,
}

/// Turns the kill switch on or off.
///
/// While it is on no order is accepted, and none that was accepted before is sent: workers look at
/// it first. Cancellations go through, and so do `close-all` and `emergency-liquidate`; open orders
/// stay until they are cancelled.
#[utoipa::path(
    post, path = "/api/risk/kill-switch", operation_id = "kill_switch", tag = "trading",
    request_body = SwitchBody,
    responses((status = 200, body = SwitchView)), security(("session" = []))
)]
pub(super) async fn switch(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<SwitchView>> {
    let wanted = SwitchBody::read(body)?;
    let mut tx = state.pool.begin().await?;
    let after = wanted.throw(&mut tx, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    let word = if wanted.activate { "on: only cancellations and closing go through" } else { "off" };
    Ok(Json(SwitchView {
        kill_switch_active: after.kill_switch,
        is_running: !SettingsView::new(after).stopped(),
        message: format!("the kill switch is {word}"),
    }))
}
