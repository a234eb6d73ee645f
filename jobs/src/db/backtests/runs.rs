//! The rows of runs: inserting, reading, listing.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Status, announce::announce};

/// A run to be queued. Its job's id is known beforehand, so both rows can name each other.
#[derive(Debug, Clone, Copy)]
pub struct NewRun<'a> {
    /// The run's id.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The owner's strategy that it was started from.
    pub strategy_id: Option<Uuid>,
    /// The job that will carry it out.
    pub job_id: Uuid,
    /// The request in the contract's shape.
    pub request: &'a Value,
    /// The engine's configuration.
    pub config: &'a Value,
    /// SHA-256 over everything that affects the result, in hex.
    pub config_hash: &'a str,
    /// Tickers, upper case.
    pub universe: &'a [String],
    /// First session date.
    pub start_date: NaiveDate,
    /// Last session date.
    pub end_date: NaiveDate,
    /// Cash at the start, two decimals.
    pub initial_cash: Decimal,
}

/// Inserts a queued run.
pub async fn insert(conn: &mut PgConnection, run: NewRun<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into backtests (backtest_id, user_id, strategy_id, job_id, request, config, config_hash,
                                universe, start_date, end_date, initial_cash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        run.id,
        run.user_id,
        run.strategy_id,
        run.job_id,
        run.request,
        run.config,
        run.config_hash,
        run.universe,
        run.start_date,
        run.end_date,
        run.initial_cash
    )
    .execute(&mut *conn)
    .await?;
    announce(conn, run.id).await
}

/// A run as its owner sees it, without its rows of results.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Run {
    pub id: Uuid,
    pub user_id: Uuid,
    pub strategy_id: Option<Uuid>,
    pub job_id: Uuid,
    pub status: Status,
    /// The request in the contract's shape.
    pub request: Value,
    pub config_hash: String,
    pub universe: Vec<String>,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub initial_cash: Decimal,
    /// 0 to 100.
    pub progress: i16,
    /// A [`super::Summary`] once done.
    pub results_summary: Option<Value>,
    pub interpretation: Option<String>,
    pub provenance: Option<Value>,
    /// One of [`super::error_code`].
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub runtime_ms: Option<i32>,
    pub reused_from: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl Run {
    /// Returns the run that the rows of results belong to: this one, or the one reused.
    pub fn results_of(&self) -> Uuid {
        self.reused_from.unwrap_or(self.id)
    }
}

/// Returns the run `id` of `user_id`; another user's is `None`.
pub async fn get(conn: &mut PgConnection, user_id: Uuid, id: Uuid) -> sqlx::Result<Option<Run>> {
    sqlx::query_as!(
        Run,
        r#"select backtest_id as id, user_id, strategy_id, job_id, status as "status: Status", request,
                  config_hash, universe, start_date, end_date, initial_cash, progress, results_summary,
                  interpretation, provenance, error_code, error_message, runtime_ms, reused_from,
                  created_at, updated_at, started_at, finished_at
             from backtests
            where backtest_id = $1
              and user_id = $2"#,
        id,
        user_id
    )
    .fetch_optional(conn)
    .await
}

/// Returns how many runs of `user_id` wait or run; counts no further than `most`.
pub async fn unfinished(conn: &mut PgConnection, user_id: Uuid, most: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from (select from backtests
                    where user_id = $1 and status in ('QUEUED', 'RUNNING')
                    limit $2) as unfinished"#,
        user_id,
        most
    )
    .fetch_one(conn)
    .await
}

/// Which runs to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only runs of this strategy.
    pub strategy_id: Option<Uuid>,
    /// Only runs in this state.
    pub status: Option<Status>,
    /// Only runs after this `(created_at, id)` in the list's order.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// Skips this many, for clients without a cursor.
    pub offset: i64,
    /// At most this many.
    pub limit: i64,
}

/// Returns runs of `user_id`, newest first, ties by id.
pub async fn list(conn: &mut PgConnection, user_id: Uuid, filter: Filter) -> sqlx::Result<Vec<Run>> {
    let (created_at, id) = filter.after.unzip();
    sqlx::query_as!(
        Run,
        r#"select backtest_id as id, user_id, strategy_id, job_id, status as "status: Status", request,
                  config_hash, universe, start_date, end_date, initial_cash, progress, results_summary,
                  interpretation, provenance, error_code, error_message, runtime_ms, reused_from,
                  created_at, updated_at, started_at, finished_at
             from backtests
            where user_id = $1
              and ($2::uuid is null or strategy_id = $2)
              and ($3::text is null or status = $3)
              and (created_at, backtest_id)
                  < (coalesce($4, 'infinity'::timestamptz), coalesce($5, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
            order by created_at desc, backtest_id desc
            limit $6
           offset $7"#,
        user_id,
        filter.strategy_id,
        filter.status.map(Status::as_str),
        created_at,
        id,
        filter.limit,
        filter.offset
    )
    .fetch_all(conn)
    .await
}

/// What a worker needs to carry a run out.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The run's owner.
    pub user_id: Uuid,
    /// The state, as of reading.
    pub status: Status,
    /// The engine's configuration.
    pub config: Value,
    /// SHA-256 over everything that affects the result, in hex.
    pub config_hash: String,
    /// Tickers, upper case.
    pub universe: Vec<String>,
    /// First session date.
    pub start_date: NaiveDate,
    /// Last session date.
    pub end_date: NaiveDate,
    /// Cash at the start.
    pub initial_cash: Decimal,
}

/// Returns what is to be run, or `None` when the run is gone.
pub async fn spec(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Spec>> {
    sqlx::query_as!(
        Spec,
        r#"select user_id, status as "status: Status", config, config_hash, universe, start_date, end_date,
                  initial_cash
             from backtests
            where backtest_id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Returns the newest finished run of `user_id` with `config_hash` that holds results of its own.
pub async fn find_identical(
    conn: &mut PgConnection,
    user_id: Uuid,
    config_hash: &str,
    not: Uuid,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "select backtest_id
           from backtests
          where user_id = $1
            and config_hash = $2
            and status = 'DONE'
            and reused_from is null
            and backtest_id <> $3
          order by created_at desc, backtest_id desc
          limit 1",
        user_id,
        config_hash,
        not
    )
    .fetch_optional(conn)
    .await
}
