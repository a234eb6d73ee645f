//! Jobs in one listing, waiting, running and finished: newest first, by id.
//!
//! Ids are made in the order of time and stay when a job finishes, so a walk over pages sees
//! every row once whatever happens meanwhile.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{COUNT_CAP, Count, Filter, filter::Part};

/// A job in a listing.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs)]
pub struct JobRow {
    pub job_id: Uuid,
    pub queue: String,
    pub kind: String,
    pub state: String,
    pub priority: i16,
    pub attempt: i32,
    pub failures: i32,
    pub crashes: i32,
    pub run_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub worker_id: Option<Uuid>,
    pub progress: Option<i16>,
    pub progress_note: Option<String>,
    pub tags: Option<Vec<String>>,
    pub trace_id: Option<String>,
    pub last_error: Option<String>,
    pub payload: Value,
    pub output: Option<Value>,
}

const COLUMNS: &str = "j.job_id, j.queue, j.kind, j.state::text as state, j.priority, j.attempt, j.failures, \
                       j.crashes, j.run_at, j.created_at, j.started_at, j.worker_id, j.progress, \
                       j.progress_note, j.tags, j.trace_id, j.last_error, j.payload";

/// What a walk adds to a filter.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    below: Option<Uuid>,
    above: Option<Uuid>,
    /// Not made after this time.
    made_until: Option<DateTime<Utc>>,
    /// Leave out the kind that carries out operations: it must not act on itself.
    not_operations: bool,
}

impl Bounds {
    fn push(&self, sql: &mut QueryBuilder<Postgres>) {
        if let Some(below) = self.below {
            sql.push(" and j.job_id < ").push_bind(below);
        }
        if let Some(above) = self.above {
            sql.push(" and j.job_id > ").push_bind(above);
        }
        if let Some(until) = self.made_until {
            sql.push(" and j.created_at <= ").push_bind(until);
        }
        if self.not_operations {
            sql.push(" and j.kind <> 'bulk_operation'");
        }
    }
}

/// Adds `select` over both tables to `sql`, each part ending in `tail`.
fn both(sql: &mut QueryBuilder<Postgres>, columns: &str, filter: &Filter, bounds: Bounds, tail: &str) {
    let mut joint = "";
    for (part, table, ending) in [
        (Part::Hot, "queue.jobs", "null::timestamptz as finished_at, null::jsonb as output"),
        (Part::Cold, "queue.finished", "j.finished_at, j.output"),
    ] {
        if filter.reaches(part) {
            sql.push(format_args!("{joint}(select {columns}, {ending} from {table} j where"));
            filter.push(sql, part);
            bounds.push(sql);
            sql.push(format_args!(" {tail})"));
            joint = " union all ";
        }
    }
}

/// Returns up to `limit` jobs of `filter` whose id is below `below`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    below: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<JobRow>> {
    let mut sql = QueryBuilder::new("select * from (");
    let tail = format!("order by j.job_id desc limit {limit}");
    both(&mut sql, COLUMNS, filter, Bounds { below, ..Bounds::default() }, &tail);
    sql.push(format_args!(") as r order by job_id desc limit {limit}"));
    sql.build_query_as().fetch_all(conn).await
}

/// Returns how many jobs made until `bound` `filter` means, leaving operations out.
pub async fn count(conn: &mut PgConnection, filter: &Filter, bound: DateTime<Utc>) -> sqlx::Result<Count> {
    let most = COUNT_CAP + 1;
    let mut sql = QueryBuilder::new("select count(*) from (select 1 from (");
    let bounds = Bounds { made_until: Some(bound), not_operations: true, ..Bounds::default() };
    both(&mut sql, "j.job_id", filter, bounds, &format!("limit {most}"));
    sql.push(format_args!(") as r limit {most}) as c"));
    let counted: i64 = sql.build_query_scalar().fetch_one(conn).await?;
    Ok(Count::capped(counted))
}

/// Returns up to `limit` ids above `above` of jobs made until `bound`, oldest first, leaving
/// operations out.
pub async fn ids_from(
    conn: &mut PgConnection,
    filter: &Filter,
    bound: DateTime<Utc>,
    above: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let mut sql = QueryBuilder::new("select job_id from (");
    let bounds = Bounds { above, made_until: Some(bound), not_operations: true, below: None };
    both(&mut sql, "j.job_id", filter, bounds, &format!("order by j.job_id limit {limit}"));
    sql.push(format_args!(") as r order by job_id limit {limit}"));
    sql.build_query_scalar().fetch_all(conn).await
}
