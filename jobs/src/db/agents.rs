//! Agents: one a user, and its controls.
//!
//! Every control is audited and told to the user as `agent:status`; callers send the hint for events
//! after the commit. The kill switch is not here: it is the user's, see [`super::risk`].

mod bookkeeping;
mod fleet;

use chrono::{DateTime, Utc};
use domain::cycle::Mode;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    audit::{self, Entry},
    events,
    word::Word,
};

pub use bookkeeping::{Due, due, failed, move_on, seen, succeeded};
pub use fleet::{forget_failures, restrain, run_now};

/// A user's agent; the defaults where there is no row yet.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, as the clients know them")]
pub struct Agent {
    /// Whose.
    pub user_id: Uuid,
    /// Whether it was started.
    pub is_running: bool,
    /// Whether it rests until it is resumed.
    pub is_paused: bool,
    /// What it does by itself.
    pub mode: Mode,
    /// Seconds between its cycles.
    pub interval_s: i32,
    /// When the next cycle is due.
    pub next_cycle_at: Option<DateTime<Utc>>,
    /// When a cycle last ended well.
    pub last_cycle_at: Option<DateTime<Utc>>,
    /// When a cycle was last seen at work.
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// Cycles that failed in a row.
    pub consecutive_errors: i32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it did.
    pub last_error_at: Option<DateTime<Utc>>,
    /// Decisions below it are kept, and not acted on; 0 to 1.
    pub min_confidence: Decimal,
    /// The most decisions to buy or sell of a day (UTC).
    pub max_decisions_per_day: i32,
    /// The most orders of a day (UTC), exits not counted.
    pub max_orders_per_day: i32,
    /// The least of the dynamic limit.
    pub min_order_limit: i32,
    /// The most of the dynamic limit.
    pub max_order_limit: i32,
    /// The most orders of one cycle.
    pub dynamic_order_limit: i32,
    /// How the market was found: `bullish`, `bearish`, `neutral`, `volatile` or `uncertain`.
    pub market_condition: String,
    /// How sure that is, 0 to 1.
    pub ai_confidence_score: Decimal,
    /// When the market was last looked at.
    pub last_market_analysis: Option<DateTime<Utc>>,
    /// A wish of clients that is kept and shown.
    pub auto_start_enabled: bool,
    /// A wish of clients that is kept and shown: what is sent by itself is [`Agent::mode`]'s matter.
    pub auto_execute_trades: bool,
    /// Whether entries need 0.1 more confidence and are half as large.
    pub conservative_mode: bool,
    /// When it was last started.
    pub started_at: Option<DateTime<Utc>>,
    /// Grows with every change of a control; 0: there is no row yet.
    pub version: i64,
    /// When a control was last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// Settings to change; `None` leaves them.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields of an agent")]
pub struct Flags {
    pub auto_start_enabled: Option<bool>,
    pub auto_execute_trades: Option<bool>,
    pub conservative_mode: Option<bool>,
    pub min_confidence: Option<Decimal>,
    pub max_decisions_per_day: Option<i32>,
    pub max_orders_per_day: Option<i32>,
    pub min_order_limit: Option<i32>,
    pub max_order_limit: Option<i32>,
}

/// Returns the user's agent.
pub async fn status(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Agent> {
    sqlx::query_as!(
        Agent,
        r#"select u.user_id as "user_id!", coalesce(a.is_running, false) as "is_running!",
                  coalesce(a.is_paused, false) as "is_paused!",
                  coalesce(a.mode, 'autonomous') as "mode!: Word<Mode>",
                  coalesce(a.interval_s, 60) as "interval_s!", a.next_cycle_at as "next_cycle_at?",
                  a.last_cycle_at as "last_cycle_at?", a.last_heartbeat as "last_heartbeat?",
                  coalesce(a.consecutive_errors, 0) as "consecutive_errors!",
                  a.last_error as "last_error?", a.last_error_at as "last_error_at?",
                  coalesce(a.min_confidence, 0.6) as "min_confidence!",
                  coalesce(a.max_decisions_per_day, 200) as "max_decisions_per_day!",
                  coalesce(a.max_orders_per_day, 20) as "max_orders_per_day!",
                  coalesce(a.min_order_limit, 10) as "min_order_limit!",
                  coalesce(a.max_order_limit, 50) as "max_order_limit!",
                  coalesce(a.dynamic_order_limit, 10) as "dynamic_order_limit!",
                  coalesce(a.market_condition, 'neutral') as "market_condition!",
                  coalesce(a.ai_confidence_score, 0.5) as "ai_confidence_score!",
                  a.last_market_analysis as "last_market_analysis?",
                  coalesce(a.auto_start_enabled, false) as "auto_start_enabled!",
                  coalesce(a.auto_execute_trades, false) as "auto_execute_trades!",
                  coalesce(a.conservative_mode, false) as "conservative_mode!",
                  a.started_at as "started_at?", coalesce(a.version, 0) as "version!",
                  a.updated_at as "updated_at?"
             from (select $1::uuid as user_id) as u
             left join agent_status a on a.user_id = u.user_id"#,
        user_id
    )
    .fetch_one(conn)
    .await
}

/// Starts the agent: its first cycle is due at once, and earlier failures are forgotten. One that
/// runs already goes on, and one that is paused is resumed.
///
/// The kill switch does not keep it from starting, only from doing anything: refuse it beforehand.
pub async fn start(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Agent> {
    let before = hold(conn, user_id).await?;
    if before.is_running && !before.is_paused {
        return Ok(before);
    }
    sqlx::query!(
        "update agent_status
            set is_running = true, is_paused = false, next_cycle_at = clock_timestamp(),
                consecutive_errors = 0, started_at = clock_timestamp(),
                version = version + 1, updated_at = clock_timestamp()
          where user_id = $1",
        user_id
    )
    .execute(&mut *conn)
    .await?;
    changed(conn, "start_agent", &before).await
}

/// Stops the agent: a cycle at work ends before its next step.
pub async fn stop(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Agent> {
    let before = hold(conn, user_id).await?;
    if !before.is_running {
        return Ok(before);
    }
    sqlx::query!(
        "update agent_status
            set is_running = false, is_paused = false, next_cycle_at = null,
                version = version + 1, updated_at = clock_timestamp()
          where user_id = $1",
        user_id
    )
    .execute(&mut *conn)
    .await?;
    changed(conn, "stop_agent", &before).await
}

/// Lets a running agent rest: a cycle at work ends before its next step.
pub async fn pause(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Agent> {
    set_paused(conn, user_id, true).await
}

/// Ends the rest of a running agent: its next cycle is due at once.
pub async fn resume(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Agent> {
    set_paused(conn, user_id, false).await
}

async fn set_paused(conn: &mut PgConnection, user_id: Uuid, paused: bool) -> sqlx::Result<Agent> {
    let before = hold(conn, user_id).await?;
    if !before.is_running || before.is_paused == paused {
        return Ok(before);
    }
    sqlx::query!(
        "update agent_status
            set is_paused = $2, next_cycle_at = case when $2 then next_cycle_at else clock_timestamp() end,
                version = version + 1, updated_at = clock_timestamp()
          where user_id = $1 and is_running",
        user_id,
        paused
    )
    .execute(&mut *conn)
    .await?;
    changed(conn, if paused { "pause_agent" } else { "resume_agent" }, &before).await
}

/// Sets what the agent does by itself.
pub async fn set_mode(conn: &mut PgConnection, user_id: Uuid, mode: Mode) -> sqlx::Result<Agent> {
    let before = hold(conn, user_id).await?;
    if before.mode == mode {
        return Ok(before);
    }
    sqlx::query!(
        "update agent_status
            set mode = $2, version = version + 1, updated_at = clock_timestamp()
          where user_id = $1",
        user_id,
        mode.as_str()
    )
    .execute(&mut *conn)
    .await?;
    changed(conn, "set_agent_mode", &before).await
}

/// Sets the seconds between cycles, 5 to 86,400; the next one is due no later than so.
pub async fn set_interval(conn: &mut PgConnection, user_id: Uuid, seconds: i32) -> sqlx::Result<Agent> {
    let before = hold(conn, user_id).await?;
    if before.interval_s == seconds {
        return Ok(before);
    }
    sqlx::query!(
        "update agent_status
            set interval_s = $2,
                next_cycle_at = least(next_cycle_at, clock_timestamp() + make_interval(secs => $2::int4)),
                version = version + 1, updated_at = clock_timestamp()
          where user_id = $1",
        user_id,
        seconds
    )
    .execute(&mut *conn)
    .await?;
    changed(conn, "set_agent_interval", &before).await
}

/// Changes settings; what is out of its range is refused by the table. The dynamic limit is kept
/// within its ends.
pub async fn set_flags(conn: &mut PgConnection, user_id: Uuid, flags: &Flags) -> sqlx::Result<Agent> {
    let before = hold(conn, user_id).await?;
    sqlx::query!(
        "update agent_status
            set auto_start_enabled = coalesce($2, auto_start_enabled),
                auto_execute_trades = coalesce($3, auto_execute_trades),
                conservative_mode = coalesce($4, conservative_mode),
                min_confidence = coalesce($5, min_confidence),
                max_decisions_per_day = coalesce($6, max_decisions_per_day),
                max_orders_per_day = coalesce($7, max_orders_per_day),
                min_order_limit = coalesce($8, min_order_limit),
                max_order_limit = coalesce($9, max_order_limit),
                dynamic_order_limit = least(greatest(dynamic_order_limit, coalesce($8, min_order_limit)),
                                            coalesce($9, max_order_limit)),
                version = version + 1, updated_at = clock_timestamp()
          where user_id = $1",
        user_id,
        flags.auto_start_enabled,
        flags.auto_execute_trades,
        flags.conservative_mode,
        flags.min_confidence,
        flags.max_decisions_per_day,
        flags.max_orders_per_day,
        flags.min_order_limit,
        flags.max_order_limit
    )
    .execute(&mut *conn)
    .await?;
    changed(conn, "set_agent_flags", &before).await
}

/// Sees to it that the user's row is there, locks it, and returns it.
async fn hold(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Agent> {
    sqlx::query!("insert into agent_status (user_id) values ($1) on conflict (user_id) do nothing", user_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("select user_id from agent_status where user_id = $1 for no key update", user_id)
        .fetch_one(&mut *conn)
        .await?;
    status(conn, user_id).await
}

/// Audits the change and tells the user.
async fn changed(conn: &mut PgConnection, action: &str, before: &Agent) -> sqlx::Result<Agent> {
    let after = status(conn, before.user_id).await?;
    audit::record(
        conn,
        Entry {
            actor_id: Some(before.user_id),
            action,
            resource: "agent",
            resource_id: Some(before.user_id.to_string()),
            before: Some(before.told()),
            after: Some(after.told()),
            ..Entry::default()
        },
    )
    .await?;
    events::append(conn, before.user_id, "agent:status", None, &after.told()).await?;
    Ok(after)
}

impl Agent {
    /// Returns the controls as the audit keeps them and the user is told.
    fn told(&self) -> Value {
        json!({
            "isRunning": self.is_running,
            "isPaused": self.is_paused,
            "mode": self.mode,
            "intervalSeconds": self.interval_s,
            "consecutiveErrors": self.consecutive_errors,
            "lastError": self.last_error,
            "minConfidence": self.min_confidence,
            "maxDecisionsPerDay": self.max_decisions_per_day,
            "maxOrdersPerDay": self.max_orders_per_day,
            "minOrderLimit": self.min_order_limit,
            "maxOrderLimit": self.max_order_limit,
            "autoStartEnabled": self.auto_start_enabled,
            "autoExecuteTrades": self.auto_execute_trades,
            "conservativeMode": self.conservative_mode,
        })
    }
}
