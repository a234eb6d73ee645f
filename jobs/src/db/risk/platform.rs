//! The operators' switch for everybody.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::TradingState;
use crate::db::{
    audit::{self, Entry},
    word::Word,
};

/// Whether anybody trades.
#[derive(Debug, Clone, PartialEq)]
pub struct Platform {
    /// The state.
    pub trading_state: TradingState,
    /// Why.
    pub reason: Option<String>,
    /// Who set it.
    pub changed_by: Option<Uuid>,
    /// When.
    pub changed_at: DateTime<Utc>,
}

/// Returns whether anybody trades.
pub async fn platform(conn: &mut PgConnection) -> sqlx::Result<Platform> {
    sqlx::query_as!(
        Platform,
        r#"select trading_state as "trading_state!: Word<TradingState>", reason, changed_by, changed_at
             from platform_state
            where id = 1"#
    )
    .fetch_one(conn)
    .await
}

/// Returns whether anybody trades; it stays so until the transaction ends, for who sets it next.
pub async fn hold_platform(conn: &mut PgConnection) -> sqlx::Result<Platform> {
    sqlx::query!("select id from platform_state where id = 1 for update").fetch_one(&mut *conn).await?;
    platform(conn).await
}

/// Sets whether anybody trades, audited; of two at a time one is first.
pub async fn set_platform(
    conn: &mut PgConnection,
    actor_id: Option<Uuid>,
    state: TradingState,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    let before = hold_platform(conn).await?;
    sqlx::query!(
        "update platform_state
            set trading_state = $1, reason = $2, changed_by = $3, changed_at = clock_timestamp()
          where id = 1",
        state.as_str(),
        reason,
        actor_id
    )
    .execute(&mut *conn)
    .await?;
    audit::record(
        conn,
        Entry {
            actor_id,
            action: "set_trading_state",
            resource: "platform_state",
            reason: reason.map(Into::into),
            before: Some(json!({ "tradingState": before.trading_state.as_str(), "reason": before.reason })),
            after: Some(json!({ "tradingState": state.as_str(), "reason": reason })),
            ..Entry::default()
        },
    )
    .await
}

/// Turns everybody's kill switch on or off, audited; `false` when it stood so already.
///
/// It is on while trading is halted. Turned off, it gives back the state that it found: where only
/// exits went out before, only exits do.
pub async fn switch_platform(
    conn: &mut PgConnection,
    actor_id: Option<Uuid>,
    on: bool,
    reason: Option<&str>,
) -> sqlx::Result<bool> {
    let is_on = hold_platform(conn).await?.trading_state == TradingState::Halted;
    if on == is_on {
        return Ok(false);
    }
    let wanted = if on { TradingState::Halted } else { before_halt(conn).await? };
    set_platform(conn, actor_id, wanted, reason).await?;
    Ok(true)
}

/// Returns the state that was halted last, by the audit, which is written with the state and kept.
async fn before_halt(conn: &mut PgConnection) -> sqlx::Result<TradingState> {
    let word = sqlx::query_scalar!(
        r#"select before ->> 'tradingState' as "state!"
             from audit_log
            where resource = 'platform_state'
              and action = 'set_trading_state'
              and before ->> 'tradingState' <> 'halted'
              and after ->> 'tradingState' = 'halted'
            order by audit_id desc
            limit 1"#
    )
    .fetch_optional(conn)
    .await?;
    let state = word.map(|word| word.parse()).transpose();
    Ok(state.map_err(|error| sqlx::Error::Decode(Box::new(error)))?.unwrap_or_default())
}
