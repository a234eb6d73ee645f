//! One action on many jobs: previewed, confirmed, carried out page by page, stoppable.
//!
//! A preview remembers action, filter and time under a random token, of which only the digest
//! is kept. Confirming it names the same action and filter, by the same person, once, within
//! five minutes. Jobs made after the preview are never touched.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::jobs::{Refusal, cancel, discard, retry};
use crate::{
    kinds::bulk_operation::BulkOperation,
    queue::{
        Enqueue, EnqueueError, enqueue,
        inspect::{Count, Filter, JobRow, count, ids_from, list},
    },
};

/// How long a preview can be confirmed.
const VALID: Duration = Duration::from_mins(5);
/// Jobs in one transaction; their ids fit into the field of an audit row that is kept whole.
const PAGE: i64 = 50;
/// Jobs shown in a preview.
const SAMPLE: i64 = 10;

/// What is done to each job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Action {
    Retry,
    Cancel,
    Discard,
}

impl Action {
    /// Returns the word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Discard => "discard",
        }
    }
}

/// How far an operation is: `pending`, `running`, `completed`, `stopped` or `failed`.
pub type OperationState = String;

/// What an action would touch.
#[derive(Debug, Clone)]
pub struct Preview {
    /// How many jobs.
    pub count: Count,
    /// Some of them, newest first.
    pub sample: Vec<JobRow>,
    /// Confirms the preview; shown once.
    pub token: String,
    /// When the token ends.
    pub expires_at: DateTime<Utc>,
}

/// A confirmed operation.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Operation {
    pub operation_id: Uuid,
    pub action: String,
    pub filter: Value,
    pub reason: String,
    pub state: OperationState,
    pub matched: i32,
    pub approximate: bool,
    pub changed: i32,
    pub skipped: i32,
    pub failed: i32,
    pub job_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub stop_requested_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asker {
    /// The user, if one does.
    pub user_id: Option<Uuid>,
    /// The key, if a program does.
    pub api_key_id: Option<Uuid>,
}

fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// Counts and shows what `action` on `filter` would touch, and remembers it for [`confirm`].
pub async fn preview(
    conn: &mut PgConnection,
    action: Action,
    filter: &Filter,
    reason: &str,
    asker: Asker,
) -> sqlx::Result<Preview> {
    sqlx::query!("delete from queue.operations where state = 'preview' and expires_at < clock_timestamp()")
        .execute(&mut *conn)
        .await?;
    let bound = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&mut *conn).await?;
    let matched = count(conn, filter, bound).await?;
    let mut sample = list(conn, filter, None, SAMPLE).await?;
    sample.retain(|job| job.created_at <= bound && job.kind != "bulk_operation");
    let token = hex::encode(rand::random::<[u8; 32]>());
    let expires_at = sqlx::query_scalar!(
        "insert into queue.operations
                (operation_id, action, filter, reason, token_hash, actor_id, api_key_id, bound, expires_at,
                 matched, approximate)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8::timestamptz + make_interval(secs => $9), $10, $11)
         returning expires_at",
        Uuid::now_v7(),
        action.as_str(),
        json(filter)?,
        reason,
        digest(&token),
        asker.user_id,
        asker.api_key_id,
        bound,
        VALID.as_secs_f64(),
        i32::try_from(matched.count).unwrap_or(i32::MAX),
        matched.approximate,
    )
    .fetch_one(conn)
    .await?;
    Ok(Preview { count: matched, sample, token, expires_at })
}

fn json(filter: &Filter) -> sqlx::Result<Value> {
    serde_json::to_value(filter).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Turns a preview into an operation and enqueues it; `None` when the token is used, expired,
/// somebody else's, or was given for another action or filter.
pub async fn confirm(
    conn: &mut PgConnection,
    token: &str,
    action: Action,
    filter: &Filter,
    reason: &str,
    asker: Asker,
    trace_id: Option<&str>,
) -> sqlx::Result<Option<Operation>> {
    let job_id = Enqueue::new_id();
    let confirmed = sqlx::query_scalar!(
        "update queue.operations
            set state = 'pending', reason = $2, job_id = $3, trace_id = $4, created_at = clock_timestamp()
          where token_hash = $1 and state = 'preview' and expires_at > clock_timestamp()
            and action = $5 and filter = $6
            and actor_id is not distinct from $7 and api_key_id is not distinct from $8
        returning operation_id",
        digest(token),
        reason,
        job_id,
        trace_id,
        action.as_str(),
        json(filter)?,
        asker.user_id,
        asker.api_key_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(operation_id) = confirmed else { return Ok(None) };
    let mut options = Enqueue::default().id(job_id);
    if let Some(trace_id) = trace_id {
        options = options.trace_id(trace_id);
    }
    enqueue(conn, &BulkOperation { operation_id }, options).await.map_err(|error| match error {
        EnqueueError::Database(error) => error,
        other => sqlx::Error::Protocol(other.to_string()),
    })?;
    operation(conn, operation_id).await
}

/// Returns a confirmed operation.
pub async fn operation(conn: &mut PgConnection, operation_id: Uuid) -> sqlx::Result<Option<Operation>> {
    sqlx::query_as!(
        Operation,
        "select operation_id, action, filter, reason, state, matched, approximate, changed, skipped, failed,
                job_id, created_at, started_at, stop_requested_at, finished_at, last_error
           from queue.operations
          where operation_id = $1 and state <> 'preview'",
        operation_id
    )
    .fetch_optional(conn)
    .await
}

/// Stops an operation: one not begun at once, a running one after its page. What is done stays
/// done. `false` when it has ended already, or there is none.
pub async fn stop(conn: &mut PgConnection, operation_id: Uuid) -> sqlx::Result<bool> {
    let stopped = sqlx::query!(
        "update queue.operations
            set stop_requested_at = coalesce(stop_requested_at, clock_timestamp()),
                finished_at = case when state = 'pending' then clock_timestamp() end,
                state = case when state = 'pending' then 'stopped' else state end
          where operation_id = $1 and state in ('pending', 'running')",
        operation_id
    )
    .execute(conn)
    .await?;
    Ok(stopped.rows_affected() == 1)
}

/// Marks an operation as running; `false` when it has ended or is gone.
pub(crate) async fn begin_operation(conn: &mut PgConnection, operation_id: Uuid) -> sqlx::Result<bool> {
    let begun = sqlx::query!(
        "update queue.operations
            set state = 'running', started_at = coalesce(started_at, clock_timestamp())
          where operation_id = $1 and state in ('pending', 'running')",
        operation_id
    )
    .execute(conn)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Ends an operation in `state`, unless it has ended.
pub(crate) async fn close_operation(
    conn: &mut PgConnection,
    operation_id: Uuid,
    state: &str,
    last_error: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update queue.operations
            set state = $2, finished_at = clock_timestamp(), last_error = $3
          where operation_id = $1 and state in ('pending', 'running')",
        operation_id,
        state,
        last_error,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What one page of an operation did.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// `completed` or `stopped`, once it is over.
    pub(crate) over: Option<&'static str>,
    /// The jobs it changed.
    pub(crate) changed: Vec<Uuid>,
    /// Where there is new work.
    pub(crate) queues: Vec<String>,
    /// Of a hundred.
    pub(crate) percent: u8,
    pub(crate) action: String,
    pub(crate) reason: String,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) api_key_id: Option<Uuid>,
}

/// Carries out the next page in the caller's transaction.
pub(crate) async fn run_page(conn: &mut PgConnection, operation_id: Uuid) -> sqlx::Result<Page> {
    let row = sqlx::query!(
        "select action, filter, reason, bound, cursor, matched, changed, skipped, failed, stop_requested_at,
                actor_id, api_key_id
           from queue.operations
          where operation_id = $1 and state = 'running'
            for update",
        operation_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(Page { over: Some("stopped"), ..Page::default() }) };
    let mut page = Page {
        action: row.action,
        reason: row.reason,
        actor_id: row.actor_id,
        api_key_id: row.api_key_id,
        ..Page::default()
    };
    if row.stop_requested_at.is_some() {
        page.over = Some("stopped");
        return Ok(page);
    }
    let filter: Filter =
        serde_json::from_value(row.filter).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let ids = ids_from(conn, &filter, row.bound, row.cursor, PAGE).await?;
    let Some(last) = ids.last().copied() else {
        page.over = Some("completed");
        return Ok(page);
    };
    let (mut skipped, mut failed) = (0, 0);
    for id in ids {
        let mut point = conn.begin().await?;
        match act(&mut point, &page.action, id, &page.reason).await {
            Ok(queue) => {
                point.commit().await?;
                page.changed.push(id);
                page.queues.extend(queue);
            }
            Err(Refusal::Database(error)) if !is_of_the_row(&error) => return Err(error),
            Err(Refusal::Database(error)) => {
                point.rollback().await?;
                tracing::warn!(job.id = %id, %error, "job {id} could not be changed by an operation");
                failed += 1;
            }
            Err(_) => {
                point.rollback().await?;
                skipped += 1;
            }
        }
    }
    let changed = i32::try_from(page.changed.len()).unwrap_or(i32::MAX);
    sqlx::query!(
        "update queue.operations
            set cursor = $2, changed = changed + $3, skipped = skipped + $4, failed = failed + $5
          where operation_id = $1",
        operation_id,
        last,
        changed,
        skipped,
        failed,
    )
    .execute(conn)
    .await?;
    let done = i64::from(row.changed + row.skipped + row.failed + changed + skipped + failed);
    page.percent = u8::try_from(done * 100 / i64::from(row.matched.max(1))).unwrap_or(99).min(99);
    page.queues.sort_unstable();
    page.queues.dedup();
    Ok(page)
}

async fn act(
    conn: &mut PgConnection,
    action: &str,
    job_id: Uuid,
    reason: &str,
) -> Result<Option<String>, Refusal> {
    match action {
        "retry" => retry(conn, job_id).await.map(|retried| Some(retried.queue)),
        "cancel" => cancel(conn, job_id, reason).await.map(|_| None),
        _ => discard(conn, job_id, reason).await.map(|()| None),
    }
}

/// Returns whether an error is about one job's rows, so that the others can go on.
fn is_of_the_row(error: &sqlx::Error) -> bool {
    // Classes 22 data, 23 integrity, P0 raised: anything else may be over the next time.
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| ["22", "23", "P0"].iter().any(|class| code.starts_with(class)))
}
