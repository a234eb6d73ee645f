//! The parts of a sweep: one row a job.

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    announce::{announce, percent},
    windows::{NewWindow, insert_windows},
};

/// A range of combinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first combination.
    pub first_cell: i32,
    /// How many there are.
    pub cells: i32,
    /// Whether its results are recorded.
    pub done: bool,
}

/// Inserts one part for each of `jobs`, in order: `cells` combinations each, the last one what
/// is left of `combinations`.
pub async fn add_parts(
    conn: &mut PgConnection,
    id: Uuid,
    jobs: &[Uuid],
    cells: i32,
    combinations: i32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sweep_parts (sweep_id, part, job_id, first_cell, cells)
         select $1, number - 1, job_id, (number - 1) * $3::int, least($3, $4::int - (number - 1) * $3::int)
           from unnest($2::uuid[]) with ordinality as u (job_id, number)",
        id,
        jobs,
        cells,
        combinations
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts one part for each of `jobs`, each of all `combinations`, and its window.
pub async fn add_windows(
    conn: &mut PgConnection,
    id: Uuid,
    jobs: &[Uuid],
    combinations: i32,
    windows: &[NewWindow],
) -> sqlx::Result<()> {
    insert_windows(conn, id, windows).await?;
    sqlx::query!(
        "insert into sweep_parts (sweep_id, part, job_id, first_cell, cells)
         select $1, number - 1, job_id, 0, $3
           from unnest($2::uuid[]) with ordinality as u (job_id, number)",
        id,
        jobs,
        combinations
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns part `number`, or `None` when it is gone.
pub async fn part(conn: &mut PgConnection, id: Uuid, number: i32) -> sqlx::Result<Option<Part>> {
    sqlx::query_as!(
        Part,
        r#"select first_cell, cells, done_at is not null as "done!"
             from sweep_parts
            where sweep_id = $1
              and part = $2"#,
        id,
        number
    )
    .fetch_optional(conn)
    .await
}

/// Returns the first part without results, if any.
pub async fn next_open_part(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "select part from sweep_parts where sweep_id = $1 and done_at is null order by part limit 1",
        id
    )
    .fetch_optional(conn)
    .await
}

/// Returns the jobs of a sweep: first the one that waits for the others, then those of parts
/// without results, by number; part `but` is left out.
pub async fn job_ids(conn: &mut PgConnection, id: Uuid, but: Option<i32>) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"select job_id as "job_id!"
             from (select job_id, -1 as part from sweeps where sweep_id = $1
                   union all
                   select job_id, part from sweep_parts
                    where sweep_id = $1 and done_at is null and part is distinct from $2) as jobs
            order by part"#,
        id,
        but
    )
    .fetch_all(conn)
    .await
}

/// Returns the sessions on which any of `universe` has a bar, ascending, both ends included.
pub async fn sessions(
    conn: &mut PgConnection,
    universe: &[String],
    from: NaiveDate,
    to: NaiveDate,
) -> sqlx::Result<Vec<NaiveDate>> {
    sqlx::query_scalar!(
        "select distinct session_date
           from bars
          where symbol = any($1)
            and session_date between $2 and $3
          order by session_date",
        universe,
        from,
        to
    )
    .fetch_all(conn)
    .await
}

/// Marks part `number` as done and counts it; `false`, with nothing written, when it was
/// already, or the sweep is not running any more.
///
/// An event is appended when a further percent is done, so that there are few however many
/// parts there are.
pub(super) async fn close(conn: &mut PgConnection, id: Uuid, number: i32) -> sqlx::Result<bool> {
    let cells = sqlx::query_scalar!(
        "update sweep_parts
            set done_at = clock_timestamp()
          where sweep_id = $1
            and part = $2
            and done_at is null
            and exists (select from sweeps where sweep_id = $1 and status = 'RUNNING')
        returning cells",
        id,
        number
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(cells) = cells else { return Ok(false) };
    let counted = sqlx::query!(
        "update sweeps
            set done = done + $2, updated_at = clock_timestamp()
          where sweep_id = $1
            and status = 'RUNNING'
        returning done, total",
        id,
        cells
    )
    .fetch_optional(&mut *conn)
    .await?;
    // Ended by somebody else since the look above: the caller drops the transaction.
    let Some(now) = counted else { return Ok(false) };
    if percent(now.done, now.total) > percent(now.done - cells, now.total) {
        announce(conn, id).await?;
    }
    Ok(true)
}
