//! Writing a change: the row, its audit entry and its event, together.

use jobs::db::{
    audit, events,
    strategies::{self, Strategy},
};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{StrategyView, precondition::conflict};
use crate::{
    error::{ApiError, ApiResult},
    extract::Actor,
};

/// What happened to a strategy; one side is missing when it was made or deleted.
pub(super) struct Change<'a> {
    pub(super) action: &'static str,
    pub(super) before: Option<&'a Strategy>,
    pub(super) after: Option<&'a Strategy>,
}

impl Change<'_> {
    /// Adds the audit entry and the event; call it in the transaction of the change.
    pub(super) async fn record(&self, conn: &mut PgConnection, actor: &Actor) -> ApiResult<()> {
        let Some(strategy) = self.after.or(self.before) else { return Ok(()) };
        let id = strategy.strategy_id;
        let entry = audit::Entry {
            before: self.before.map(state_of).transpose()?,
            after: self.after.map(state_of).transpose()?,
            ..actor.entry(self.action, "strategy", id.to_string())
        };
        audit::record(&mut *conn, entry).await?;
        let body = json!({
            "strategyId": id,
            "status": self.after.map(|strategy| strategy.status.as_str()),
            "isActive": self.after.is_some_and(|strategy| strategy.is_active),
            "version": self.after.map(|strategy| strategy.version),
            "deleted": self.after.is_none(),
        });
        events::append(conn, actor.user_id, "strategy:update", Some(id), &body).await?;
        Ok(())
    }
}

/// Writes `next` over the locked row `old`, and the record of it.
pub(super) async fn write(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &'static str,
    old: &Strategy,
    next: &Strategy,
) -> ApiResult<Strategy> {
    let written = strategies::update(&mut *conn, next, old.status).await?;
    let written = written.ok_or_else(|| conflict(old.version))?;
    Change { action, before: Some(old), after: Some(&written) }.record(conn, actor).await?;
    Ok(written)
}

fn state_of(strategy: &Strategy) -> ApiResult<Value> {
    serde_json::to_value(StrategyView::from(strategy.clone())).map_err(ApiError::internal)
}
