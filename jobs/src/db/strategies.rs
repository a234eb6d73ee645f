//! Strategies. Every function takes the owner: nobody reaches another's row.

mod status;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

pub use status::{Mode, Status, UnknownWord};

/// The types a strategy may have: the built-in ones first, then the names that existing
/// clients send for them.
pub const TYPES: &[&str] = &[
    "momentum",
    "mean-reversion",
    "moving_average_crossover",
    "rsi_oscillator",
    "buy_and_hold",
    "pairs-trading",
    "ml-sentiment",
    "mean_reversion_scalper",
    "momentum_strategy",
    "omar",
    "custom",
];

/// A strategy's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    /// Key.
    pub strategy_id: Uuid,
    /// Owner.
    pub user_id: Uuid,
    /// Name as shown, not unique.
    pub name: String,
    /// One of [`TYPES`].
    pub kind: String,
    /// Text for people.
    pub description: Option<String>,
    /// Where it stands in its life.
    pub status: Status,
    /// Where it trades, or traded last.
    pub mode: Option<Mode>,
    /// Whether it may trade now.
    pub is_active: bool,
    /// Symbols, in the owner's order.
    pub assets: Vec<String>,
    /// Parameters of its type: a JSON object or array.
    pub parameters: Option<Value>,
    /// Free settings: a JSON object.
    pub config: Value,
    /// The template it was made from.
    pub template_id: String,
    /// Numbers of its latest back-test: a JSON object.
    pub performance_summary: Option<Value>,
    /// Its latest finished back-test.
    pub last_backtest_id: Option<Uuid>,
    /// Rises by one with each change.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Sort key of a list: newest first.
pub type Key = (DateTime<Utc>, Uuid);

impl Strategy {
    /// Returns where the row stands in a list.
    pub fn key(&self) -> Key {
        (self.created_at, self.strategy_id)
    }
}

/// Adds a strategy as it stands; the database sets its version and times.
pub async fn create(conn: &mut PgConnection, new: &Strategy) -> sqlx::Result<Strategy> {
    sqlx::query_as!(
        Strategy,
        r#"insert into strategies
               (strategy_id, user_id, name, type, description, status, mode, is_active, assets,
                parameters, config, template_id, performance_summary)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           returning strategy_id, user_id, name, type as kind, description, status as "status: Status",
                     mode as "mode: Mode", is_active, assets, parameters, config, template_id,
                     performance_summary, last_backtest_id, version, created_at, updated_at"#,
        new.strategy_id,
        new.user_id,
        new.name,
        new.kind,
        new.description,
        new.status.as_str(),
        new.mode.map(Mode::as_str),
        new.is_active,
        &new.assets,
        new.parameters,
        new.config,
        new.template_id,
        new.performance_summary,
    )
    .fetch_one(conn)
    .await
}

/// Returns up to `limit` of the user's strategies, newest first, after the row `after`.
pub async fn list(
    conn: &mut PgConnection,
    user_id: Uuid,
    after: Option<Key>,
    limit: i64,
) -> sqlx::Result<Vec<Strategy>> {
    let (created_at, strategy_id) = after.unzip();
    sqlx::query_as!(
        Strategy,
        r#"select strategy_id, user_id, name, type as kind, description, status as "status: Status",
                  mode as "mode: Mode", is_active, assets, parameters, config, template_id,
                  performance_summary, last_backtest_id, version, created_at, updated_at
             from strategies
            where user_id = $1
              and deleted_at is null
              and ($2::timestamptz is null
                   or created_at <= $2 and (created_at < $2 or strategy_id > $3))
            order by created_at desc, strategy_id
            limit $4"#,
        user_id,
        created_at,
        strategy_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns the user's strategy.
pub async fn get(
    conn: &mut PgConnection,
    user_id: Uuid,
    strategy_id: Uuid,
) -> sqlx::Result<Option<Strategy>> {
    sqlx::query_as!(
        Strategy,
        r#"select strategy_id, user_id, name, type as kind, description, status as "status: Status",
                  mode as "mode: Mode", is_active, assets, parameters, config, template_id,
                  performance_summary, last_backtest_id, version, created_at, updated_at
             from strategies
            where strategy_id = $2 and user_id = $1 and deleted_at is null"#,
        user_id,
        strategy_id
    )
    .fetch_optional(conn)
    .await
}

/// Returns the user's strategy and keeps others from changing it until the transaction ends.
pub async fn lock(
    conn: &mut PgConnection,
    user_id: Uuid,
    strategy_id: Uuid,
) -> sqlx::Result<Option<Strategy>> {
    sqlx::query_as!(
        Strategy,
        r#"select strategy_id, user_id, name, type as kind, description, status as "status: Status",
                  mode as "mode: Mode", is_active, assets, parameters, config, template_id,
                  performance_summary, last_backtest_id, version, created_at, updated_at
             from strategies
            where strategy_id = $2 and user_id = $1 and deleted_at is null
              for update"#,
        user_id,
        strategy_id
    )
    .fetch_optional(conn)
    .await
}

/// Writes `changed` over the row that still has its status `old` and its version, and
/// returns it with the next version; `None` when it has changed meanwhile.
pub async fn update(
    conn: &mut PgConnection,
    changed: &Strategy,
    old: Status,
) -> sqlx::Result<Option<Strategy>> {
    sqlx::query_as!(
        Strategy,
        r#"update strategies
              set name = $5, type = $6, description = $7, status = $8, mode = $9, is_active = $10,
                  assets = $11, parameters = $12, config = $13, template_id = $14,
                  performance_summary = $15, version = version + 1, updated_at = clock_timestamp()
            where strategy_id = $1 and user_id = $2 and status = $3 and version = $4 and deleted_at is null
           returning strategy_id, user_id, name, type as kind, description, status as "status: Status",
                     mode as "mode: Mode", is_active, assets, parameters, config, template_id,
                     performance_summary, last_backtest_id, version, created_at, updated_at"#,
        changed.strategy_id,
        changed.user_id,
        old.as_str(),
        changed.version,
        changed.name,
        changed.kind,
        changed.description,
        changed.status.as_str(),
        changed.mode.map(Mode::as_str),
        changed.is_active,
        &changed.assets,
        changed.parameters,
        changed.config,
        changed.template_id,
        changed.performance_summary,
    )
    .fetch_optional(conn)
    .await
}

/// Hides the user's strategy from every read; its row and history stay.
pub async fn delete(
    conn: &mut PgConnection,
    user_id: Uuid,
    strategy_id: Uuid,
) -> sqlx::Result<Option<Status>> {
    sqlx::query_scalar!(
        r#"update strategies
              set deleted_at = clock_timestamp(), is_active = false, version = version + 1,
                  updated_at = clock_timestamp()
            where strategy_id = $2 and user_id = $1 and deleted_at is null
           returning status as "status: Status""#,
        user_id,
        strategy_id
    )
    .fetch_optional(conn)
    .await
}

/// Returns whether the strategy has a finished back-test of its owner.
pub async fn has_finished_backtest(
    conn: &mut PgConnection,
    user_id: Uuid,
    strategy_id: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select 1
                 from backtests
                where user_id = $1 and strategy_id = $2 and status = 'DONE') as "finished!""#,
        user_id,
        strategy_id
    )
    .fetch_one(conn)
    .await
}
