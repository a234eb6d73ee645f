//! The limits within which users trade, and the switches that stop them.

mod locks;
mod platform;
mod switch;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    audit::{self, Entry},
    word::Word,
};

pub use domain::risk::TradingState;
pub use locks::{Lock, NewLock, active_locks, lock, locks, unlock};
pub use platform::{Platform, hold_platform, platform, set_platform, switch_platform};
pub use switch::kill_switch;

/// The settings of a user; the defaults where nothing was set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The user.
    pub user_id: Uuid,
    /// The most that one position may be worth, in percent of equity.
    pub max_position_size_percent: Decimal,
    /// The most that all positions may be worth, in percent of equity.
    pub max_total_exposure_percent: Decimal,
    /// The most positions.
    pub max_positions_count: i32,
    /// The loss of a day after which nothing new is entered, in percent of the equity at its begin.
    pub daily_loss_limit_percent: Decimal,
    /// The most that one order may be worth, in US dollars.
    pub max_notional: Option<Decimal>,
    /// How far a limit price may lie from the last trade, in percent.
    pub price_collar_percent: Decimal,
    /// Seconds within which the same order again counts as a repetition.
    pub duplicate_window_s: i32,
    /// Whether positions may be short.
    pub allow_short: bool,
    /// Whether the user trades, only reduces, or neither.
    pub trading_state: TradingState,
    /// Whether everything is stopped.
    pub kill_switch: bool,
    /// Why.
    pub kill_switch_reason: Option<String>,
    /// Since when.
    pub kill_switch_at: Option<DateTime<Utc>>,
    /// Grows with every change; 0: nothing was ever set.
    pub version: i32,
    /// When it was last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// Returns the settings of `user_id`, defaults included.
pub async fn settings(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Settings> {
    sqlx::query_as!(
        Settings,
        r#"select u.user_id as "user_id!",
                  coalesce(s.max_position_size_percent, 10) as "max_position_size_percent!",
                  coalesce(s.max_total_exposure_percent, 50) as "max_total_exposure_percent!",
                  coalesce(s.max_positions_count, 10) as "max_positions_count!",
                  coalesce(s.daily_loss_limit_percent, 5) as "daily_loss_limit_percent!",
                  s.max_notional as "max_notional?",
                  coalesce(s.price_collar_percent, 10) as "price_collar_percent!",
                  coalesce(s.duplicate_window_s, 5) as "duplicate_window_s!",
                  coalesce(s.allow_short, false) as "allow_short!",
                  coalesce(s.trading_state, 'active') as "trading_state!: Word<TradingState>",
                  coalesce(s.kill_switch, false) as "kill_switch!",
                  s.kill_switch_reason as "kill_switch_reason?",
                  s.kill_switch_at as "kill_switch_at?",
                  coalesce(s.version, 0) as "version!",
                  s.updated_at as "updated_at?"
             from (select $1::uuid as user_id) as u
             left join risk_settings s on s.user_id = u.user_id"#,
        user_id
    )
    .fetch_one(conn)
    .await
}

/// What to change; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Update {
    pub max_position_size_percent: Option<Decimal>,
    pub max_total_exposure_percent: Option<Decimal>,
    pub max_positions_count: Option<i32>,
    pub daily_loss_limit_percent: Option<Decimal>,
    /// `Some(None)` takes the limit away.
    pub max_notional: Option<Option<Decimal>>,
    pub price_collar_percent: Option<Decimal>,
    pub duplicate_window_s: Option<i32>,
    pub allow_short: Option<bool>,
    pub trading_state: Option<TradingState>,
}

/// Changes the settings of `user_id`, audited, and returns them.
pub async fn update(
    conn: &mut PgConnection,
    actor_id: Uuid,
    user_id: Uuid,
    change: &Update,
    trace_id: Option<&str>,
) -> sqlx::Result<Settings> {
    hold(conn, user_id).await?;
    let before = settings(conn, user_id).await?;
    sqlx::query!(
        "update risk_settings
            set max_position_size_percent = coalesce($2, max_position_size_percent),
                max_total_exposure_percent = coalesce($3, max_total_exposure_percent),
                max_positions_count = coalesce($4, max_positions_count),
                daily_loss_limit_percent = coalesce($5, daily_loss_limit_percent),
                max_notional = case when $6 then $7 else max_notional end,
                price_collar_percent = coalesce($8, price_collar_percent),
                duplicate_window_s = coalesce($9, duplicate_window_s),
                trading_state = coalesce($10, trading_state), allow_short = coalesce($11, allow_short),
                version = version + 1, updated_at = clock_timestamp()
          where user_id = $1",
        user_id,
        change.max_position_size_percent,
        change.max_total_exposure_percent,
        change.max_positions_count,
        change.daily_loss_limit_percent,
        change.max_notional.is_some(),
        change.max_notional.flatten(),
        change.price_collar_percent,
        change.duplicate_window_s,
        change.trading_state.map(TradingState::as_str),
        change.allow_short
    )
    .execute(&mut *conn)
    .await?;
    let after = settings(conn, user_id).await?;
    audit::record(
        conn,
        Entry {
            actor_id: Some(actor_id),
            action: "update_risk_settings",
            resource: "risk_settings",
            resource_id: Some(user_id.to_string()),
            before: Some(before.audited()),
            after: Some(after.audited()),
            trace_id: trace_id.map(Into::into),
            ..Entry::default()
        },
    )
    .await?;
    Ok(after)
}

impl Settings {
    /// Returns the settings as the audit keeps them.
    fn audited(&self) -> Value {
        json!({
            "maxPositionSizePercent": self.max_position_size_percent,
            "maxTotalExposurePercent": self.max_total_exposure_percent,
            "maxPositionsCount": self.max_positions_count,
            "dailyLossLimitPercent": self.daily_loss_limit_percent,
            "maxNotional": self.max_notional,
            "priceCollarPercent": self.price_collar_percent,
            "duplicateWindowS": self.duplicate_window_s,
            "allowShort": self.allow_short,
            "tradingState": self.trading_state.as_str(),
            "killSwitch": self.kill_switch,
            "killSwitchReason": self.kill_switch_reason,
            "version": self.version,
        })
    }
}

/// Lets one order of `user_id` be judged at a time: until the transaction ends, whoever judges the
/// next one waits, and then counts this one.
pub async fn one_at_a_time(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('risk ' || $1::text, 0))::text as "locked""#,
        user_id.to_string()
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// Returns whether the user's kill switch is on; it stays so until the transaction ends.
pub async fn kill_switch_held(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<bool> {
    if let Some(on) = held_switch(conn, user_id).await? {
        return Ok(on);
    }
    // A row that is not there can't be locked, and the user's first kill switch would pass unseen.
    make(conn, user_id).await?;
    Ok(held_switch(conn, user_id).await?.unwrap_or(false))
}

async fn held_switch(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!("select kill_switch from risk_settings where user_id = $1 for share", user_id)
        .fetch_optional(conn)
        .await
}

/// Sees to it that the user's row is there, and locks it.
async fn hold(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    make(conn, user_id).await?;
    sqlx::query!("select user_id from risk_settings where user_id = $1 for no key update", user_id)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Sees to it that the user's row is there.
async fn make(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into risk_settings (user_id, version) values ($1, 0) on conflict (user_id) do nothing",
        user_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
