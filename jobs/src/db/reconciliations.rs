//! Runs of the reconciliation, and what each found and corrected.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::order::UnknownWord;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::word::Word;

/// Why a run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// It was time.
    Schedule,
    /// A user asked for it.
    User,
    /// The stream of events was interrupted.
    Stream,
}

impl Trigger {
    /// Returns the word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::User => "user",
            Self::Stream => "stream",
        }
    }
}

impl std::str::FromStr for Trigger {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Schedule, Self::User, Self::Stream];
        let found = all.into_iter().find(|trigger| trigger.as_str() == word);
        found.ok_or_else(|| UnknownWord::new("trigger", word))
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is still at work, or its process was lost.
    Running,
    /// It found what there was to find.
    Completed,
    /// The broker could not be read.
    Failed,
}

impl Outcome {
    /// Returns the word in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Running, Self::Completed, Self::Failed];
        let found = all.into_iter().find(|outcome| outcome.as_str() == word);
        found.ok_or_else(|| UnknownWord::new("outcome", word))
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciliation {
    /// Its id.
    pub id: Uuid,
    /// Why it was made.
    pub trigger: Trigger,
    /// Who asked for it.
    pub user_id: Option<Uuid>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub status: Outcome,
    /// Positions that the broker has.
    pub broker_positions: i32,
    /// Positions that we have.
    pub db_positions: i32,
    /// Orders whose state was brought up to date.
    pub synced: i32,
    /// Positions at the broker that none of ours explains.
    pub added: i32,
    /// Positions of ours that the broker does not have.
    pub removed: i32,
    /// What does not agree, an array.
    pub conflicts: Value,
    /// What was done about it, an array.
    pub corrections: Value,
    /// What the broker's positions are worth.
    pub total_value: Option<Decimal>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i32>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a run found.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Findings {
    pub broker_positions: usize,
    pub db_positions: usize,
    pub synced: usize,
    pub added: usize,
    pub removed: usize,
    pub conflicts: Vec<Value>,
    pub corrections: Vec<Value>,
    pub total_value: Decimal,
}

/// Notes that a run begins.
pub async fn begin(
    conn: &mut PgConnection,
    id: Uuid,
    trigger: Trigger,
    user_id: Option<Uuid>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reconciliations (reconciliation_id, trigger, user_id)
         values ($1, $2, $3)
         on conflict (reconciliation_id) do update
            set started_at = clock_timestamp(), finished_at = null, status = 'running', error = null",
        id,
        trigger.as_str(),
        user_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes what a run found; `false` when it has ended already.
pub async fn finish(conn: &mut PgConnection, id: Uuid, findings: &Findings) -> sqlx::Result<bool> {
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let done = sqlx::query!(
        "update reconciliations
            set status = 'completed', finished_at = clock_timestamp(), broker_positions = $2,
                db_positions = $3, synced = $4, added = $5, removed = $6, conflicts = $7, corrections = $8,
                total_value = $9,
                duration_ms = least(2147483647,
                    1000 * extract(epoch from clock_timestamp() - started_at))::integer
          where reconciliation_id = $1
            and status = 'running'",
        id,
        count(findings.broker_positions),
        count(findings.db_positions),
        count(findings.synced),
        count(findings.added),
        count(findings.removed),
        Value::Array(findings.conflicts.clone()),
        Value::Array(findings.corrections.clone()),
        findings.total_value
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a run failed; `false` when it has ended already.
pub async fn fail(conn: &mut PgConnection, id: Uuid, error: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update reconciliations
            set status = 'failed', finished_at = clock_timestamp(), error = $2,
                duration_ms = least(2147483647,
                    1000 * extract(epoch from clock_timestamp() - started_at))::integer
          where reconciliation_id = $1
            and status = 'running'",
        id,
        error
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns up to `limit` runs, newest first.
pub async fn recent(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Reconciliation>> {
    sqlx::query_as!(
        Reconciliation,
        r#"select reconciliation_id as id, trigger as "trigger!: Word<Trigger>", user_id, started_at,
                  finished_at, status as "status!: Word<Outcome>", broker_positions, db_positions, synced,
                  added, removed, conflicts, corrections, total_value, duration_ms, error
             from reconciliations
            order by started_at desc
            limit $1"#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Removes up to `limit` runs that began longer than `age` ago; returns how many.
pub async fn prune(conn: &mut PgConnection, age: Duration, limit: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from reconciliations
          where reconciliation_id in (
                select reconciliation_id
                  from reconciliations
                 where started_at < clock_timestamp() - make_interval(secs => $1::float8)
                 limit $2)",
        age.as_secs_f64(),
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
