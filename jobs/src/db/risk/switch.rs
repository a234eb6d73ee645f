//! The kill switch of a user.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Settings, hold, settings};
use crate::db::{
    audit::{self, Entry},
    events,
};

/// Turns the kill switch of `user_id` on or off, audited, and returns the settings.
///
/// While it is on nothing of the user's is sent, whatever was accepted before: every attempt to
/// send reads it afresh. Turning it on again keeps the first reason and time.
pub async fn kill_switch(
    conn: &mut PgConnection,
    actor_id: Option<Uuid>,
    user_id: Uuid,
    on: bool,
    reason: Option<&str>,
    trace_id: Option<&str>,
) -> sqlx::Result<Settings> {
    hold(conn, user_id).await?;
    let before = settings(conn, user_id).await?;
    if before.kill_switch == on {
        return Ok(before);
    }
    sqlx::query!(
        "update risk_settings
            set kill_switch = $2, kill_switch_reason = case when $2 then $3 end,
                kill_switch_at = case when $2 then clock_timestamp() end,
                version = version + 1, updated_at = clock_timestamp()
          where user_id = $1",
        user_id,
        on,
        reason
    )
    .execute(&mut *conn)
    .await?;
    let after = settings(conn, user_id).await?;
    audit::record(
        conn,
        Entry {
            actor_id,
            action: if on { "activate_kill_switch" } else { "release_kill_switch" },
            resource: "risk_settings",
            resource_id: Some(user_id.to_string()),
            reason: reason.map(Into::into),
            before: Some(before.audited()),
            after: Some(after.audited()),
            trace_id: trace_id.map(Into::into),
            ..Entry::default()
        },
    )
    .await?;
    let body = serde_json::json!({ "killSwitchActive": on, "reason": reason });
    events::append(conn, user_id, "agent:status", None, &body).await?;
    Ok(after)
}
