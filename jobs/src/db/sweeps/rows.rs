//! The rows of sweeps: inserting, reading, listing.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Kind, Status,
    announce::{announce, percent},
};

/// A sweep to be queued.
#[derive(Debug, Clone, Copy)]
pub struct NewSweep<'a> {
    /// The sweep's id.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The owner's strategy that it was started from.
    pub strategy_id: Option<Uuid>,
    /// What kind it is.
    pub kind: Kind,
    /// The job that brings the parts together.
    pub job_id: Uuid,
    /// The request in the contract's shape.
    pub request: &'a Value,
    /// A [`domain::grid::Base`].
    pub base: &'a Value,
    /// A [`domain::grid::Grid`].
    pub axes: &'a Value,
    /// A word of [`domain::grid::RankBy`].
    pub rank_by: &'a str,
    /// Tickers, upper case.
    pub universe: &'a [String],
    /// First session date.
    pub start_date: NaiveDate,
    /// Last session date.
    pub end_date: NaiveDate,
    /// Cash at the start, two decimals.
    pub initial_cash: Decimal,
    /// Combinations of the grid.
    pub combinations: i32,
    /// Those that make no sense.
    pub skipped: i32,
    /// Combinations of all parts together.
    pub total: i32,
    /// What the bars are, as [`crate::db::bars::data_version`] says, and the engine's revision.
    pub data_version: &'a str,
}

/// Inserts a queued sweep.
pub async fn insert(conn: &mut PgConnection, sweep: NewSweep<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sweeps (sweep_id, user_id, strategy_id, kind, job_id, request, base, axes, rank_by,
                             universe, start_date, end_date, initial_cash, combinations, skipped, total,
                             data_version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        sweep.id,
        sweep.user_id,
        sweep.strategy_id,
        sweep.kind.as_str(),
        sweep.job_id,
        sweep.request,
        sweep.base,
        sweep.axes,
        sweep.rank_by,
        sweep.universe,
        sweep.start_date,
        sweep.end_date,
        sweep.initial_cash,
        sweep.combinations,
        sweep.skipped,
        sweep.total,
        sweep.data_version
    )
    .execute(&mut *conn)
    .await?;
    announce(conn, sweep.id).await
}

/// A sweep as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Sweep {
    pub id: Uuid,
    pub strategy_id: Option<Uuid>,
    pub job_id: Uuid,
    pub status: Status,
    /// The request in the contract's shape.
    pub request: Value,
    pub rank_by: String,
    pub universe: Vec<String>,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
    pub initial_cash: Decimal,
    pub combinations: i32,
    pub skipped: i32,
    /// Combinations of all parts together.
    pub total: i32,
    pub done: i32,
    /// Once done.
    pub summary: Option<Value>,
    pub provenance: Option<Value>,
    /// One of [`super::error_code`].
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl Sweep {
    /// Returns how much is done, in percent rounded down.
    pub fn progress(&self) -> i64 {
        percent(self.done, self.total)
    }
}

/// Returns the sweep `id` of `user_id`; another user's, or one of another kind, is `None`.
pub async fn get(
    conn: &mut PgConnection,
    user_id: Uuid,
    kind: Kind,
    id: Uuid,
) -> sqlx::Result<Option<Sweep>> {
    sqlx::query_as!(
        Sweep,
        r#"select sweep_id as id, strategy_id, job_id, status as "status: Status", request, rank_by, universe,
                  start_date, end_date, initial_cash, combinations, skipped, total, done, summary,
                  provenance, error_code, error_message, created_at, updated_at, started_at, finished_at
             from sweeps
            where sweep_id = $1
              and user_id = $2
              and kind = $3"#,
        id,
        user_id,
        kind.as_str()
    )
    .fetch_optional(conn)
    .await
}

/// Which sweeps to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only sweeps in this state.
    pub status: Option<Status>,
    /// Only sweeps after this `(created_at, id)` in the list's order.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// At most this many.
    pub limit: i64,
}

/// Returns sweeps of `user_id`, newest first, ties by id.
pub async fn list(
    conn: &mut PgConnection,
    user_id: Uuid,
    kind: Kind,
    filter: Filter,
) -> sqlx::Result<Vec<Sweep>> {
    let (created_at, id) = filter.after.unzip();
    sqlx::query_as!(
        Sweep,
        r#"select sweep_id as id, strategy_id, job_id, status as "status: Status", request, rank_by, universe,
                  start_date, end_date, initial_cash, combinations, skipped, total, done, summary,
                  provenance, error_code, error_message, created_at, updated_at, started_at, finished_at
             from sweeps
            where user_id = $1
              and kind = $2
              and ($3::text is null or status = $3)
              and (created_at, sweep_id)
                  < (coalesce($4, 'infinity'::timestamptz), coalesce($5, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
            order by created_at desc, sweep_id desc
            limit $6"#,
        user_id,
        kind.as_str(),
        filter.status.map(Status::as_str),
        created_at,
        id,
        filter.limit
    )
    .fetch_all(conn)
    .await
}

/// What a worker needs to carry a part out, or to bring the parts together.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The state, as of reading.
    pub status: Status,
    /// A [`domain::grid::Base`].
    pub base: Value,
    /// A [`domain::grid::Grid`].
    pub axes: Value,
    /// A word of [`domain::grid::RankBy`].
    pub rank_by: String,
    /// Tickers, upper case.
    pub universe: Vec<String>,
    /// First session date.
    pub start_date: NaiveDate,
    /// Last session date.
    pub end_date: NaiveDate,
    /// Cash at the start.
    pub initial_cash: Decimal,
    /// Combinations of the grid.
    pub combinations: i32,
    /// Those that make no sense.
    pub skipped: i32,
    /// What the bars were when it was asked for.
    pub data_version: String,
}

/// Returns what is to be run, or `None` when the sweep is gone.
pub async fn spec(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Spec>> {
    sqlx::query_as!(
        Spec,
        r#"select status as "status: Status", base, axes, rank_by, universe, start_date, end_date,
                  initial_cash, combinations, skipped, data_version
             from sweeps
            where sweep_id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Returns how many sweeps of `user_id`, of both kinds, are waiting or running.
pub async fn unfinished(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from sweeps where user_id = $1 and finished_at is null"#,
        user_id
    )
    .fetch_one(conn)
    .await
}
