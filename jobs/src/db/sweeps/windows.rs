//! The windows of a walk-forward, and the curve of their tests.

use chrono::NaiveDate;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::parts;

/// A window to be run; dates of sessions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct NewWindow {
    pub train_start: NaiveDate,
    pub train_end: NaiveDate,
    pub test_start: NaiveDate,
    pub test_end: NaiveDate,
}

/// A window, with what was chosen and what became of it once it is done.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Window {
    /// From 0.
    pub part: i32,
    pub train_start: NaiveDate,
    pub train_end: NaiveDate,
    pub test_start: NaiveDate,
    pub test_end: NaiveDate,
    /// The combination chosen; none when no combination had a defined figure.
    pub cell: Option<i32>,
    pub parameters: Option<Value>,
    /// `{figures, sessions, evaluated, scores}`.
    pub in_sample: Option<Value>,
    /// `{figures, sessions}`.
    pub out_of_sample: Option<Value>,
}

/// What running a window returned.
#[derive(Debug, Clone, Copy)]
pub struct Tested<'a> {
    /// The combination chosen.
    pub cell: Option<i32>,
    /// Its parameters.
    pub parameters: Option<&'a Value>,
    /// Its figures where it was chosen.
    pub in_sample: &'a Value,
    /// Its figures on the sessions that followed.
    pub out_of_sample: &'a Value,
    /// The sessions of the test.
    pub dates: &'a [NaiveDate],
    /// Equity over the cash that the test began with, one for each of `dates`.
    pub growth: &'a [f64],
}

pub(super) async fn insert_windows(
    conn: &mut PgConnection,
    id: Uuid,
    windows: &[NewWindow],
) -> sqlx::Result<()> {
    let column = |of: fn(&NewWindow) -> NaiveDate| windows.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        "insert into walk_forward_windows (sweep_id, part, train_start, train_end, test_start, test_end)
         select $1, number - 1, train_start, train_end, test_start, test_end
           from unnest($2::date[], $3::date[], $4::date[], $5::date[])
                with ordinality as one (train_start, train_end, test_start, test_end, number)",
        id,
        &column(|one| one.train_start),
        &column(|one| one.train_end),
        &column(|one| one.test_start),
        &column(|one| one.test_end)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns window `number`, or `None` when it is gone.
pub async fn window(conn: &mut PgConnection, id: Uuid, number: i32) -> sqlx::Result<Option<Window>> {
    sqlx::query_as!(
        Window,
        "select part, train_start, train_end, test_start, test_end, cell, parameters, in_sample, out_of_sample
           from walk_forward_windows
          where sweep_id = $1
            and part = $2",
        id,
        number
    )
    .fetch_optional(conn)
    .await
}

/// Returns the windows, oldest first.
pub async fn windows(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Window>> {
    sqlx::query_as!(
        Window,
        "select part, train_start, train_end, test_start, test_end, cell, parameters, in_sample, out_of_sample
           from walk_forward_windows
          where sweep_id = $1
          order by part",
        id
    )
    .fetch_all(conn)
    .await
}

/// Stores what window `number` returned and marks it as done; `false` when it was already, or
/// the walk-forward is not running any more: the caller drops the transaction then.
pub async fn finish_window(
    conn: &mut PgConnection,
    id: Uuid,
    number: i32,
    tested: &Tested<'_>,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "update walk_forward_windows
            set cell = $3, parameters = $4, in_sample = $5, out_of_sample = $6
          where sweep_id = $1
            and part = $2",
        id,
        number,
        tested.cell,
        tested.parameters,
        tested.in_sample,
        tested.out_of_sample
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into walk_forward_equity (sweep_id, session_date, part, growth)
         select $1, session_date, $2, growth
           from unnest($3::date[], $4::float8[]) as one (session_date, growth)
         on conflict (sweep_id, session_date) do nothing",
        id,
        number,
        tested.dates,
        tested.growth
    )
    .execute(&mut *conn)
    .await?;
    parts::close(conn, id, number).await
}

/// Returns the growth of each test's sessions, oldest first, one list a window.
pub async fn growth(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<Vec<f64>>> {
    let rows = sqlx::query!(
        "select part, growth from walk_forward_equity where sweep_id = $1 order by session_date",
        id
    )
    .fetch_all(conn)
    .await?;
    let mut pieces: Vec<Vec<f64>> = Vec::new();
    let mut last = None;
    for row in rows {
        if last != Some(row.part) {
            pieces.push(Vec::new());
            last = Some(row.part);
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(row.growth);
        }
    }
    Ok(pieces)
}

/// Writes the chained equity, one value a session, oldest first.
pub async fn store_equity(conn: &mut PgConnection, id: Uuid, equity: &[f64]) -> sqlx::Result<()> {
    sqlx::query!(
        "update walk_forward_equity as point
            set equity = chained.equity
           from (select session_date, row_number() over (order by session_date) as number
                   from walk_forward_equity
                  where sweep_id = $1) as numbered
           join unnest($2::float8[]) with ordinality as chained (equity, number) using (number)
          where point.sweep_id = $1
            and point.session_date = numbered.session_date",
        id,
        equity
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A point of the chained curve.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct EquityPoint {
    pub date: NaiveDate,
    /// The window it belongs to, from 0.
    pub part: i32,
    /// Money.
    pub equity: f64,
}

/// Returns points of the chained curve after `after`, oldest first; none until it is done.
pub async fn equity_page(
    conn: &mut PgConnection,
    id: Uuid,
    after: Option<NaiveDate>,
    limit: i64,
) -> sqlx::Result<Vec<EquityPoint>> {
    sqlx::query_as!(
        EquityPoint,
        r#"select session_date as date, part, equity as "equity!"
             from walk_forward_equity
            where sweep_id = $1
              and equity is not null
              and session_date > coalesce($2, '-infinity'::date)
            order by session_date
            limit $3"#,
        id,
        after,
        limit
    )
    .fetch_all(conn)
    .await
}
