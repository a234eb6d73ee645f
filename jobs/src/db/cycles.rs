//! Cycles: one row a run of an agent, and what its positions' exits remember.

mod controls;
mod exits;
mod universe;

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::cycle::Mode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::word::Word;

pub use controls::hold_controls;
pub use exits::{memory, remember, stepped};
pub use universe::{approved, looked_at, symbols_of, without_sources};

/// A run of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// Its id, that of its job.
    pub id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// When it was to begin.
    pub tick: DateTime<Utc>,
    /// What the agent did by itself when it began.
    pub mode: Mode,
    /// `running`, `done`, `stopped` or `failed`.
    pub status: String,
    /// The step before which it was stopped.
    pub stopped_before: Option<String>,
    /// By what.
    pub stop_reason: Option<String>,
    /// What was looked at.
    pub universe: Vec<String>,
    /// Symbols that an analyst spoke about.
    pub analysed: i32,
    /// Decisions to buy or sell.
    pub decided: i32,
    /// Decisions that became orders.
    pub ordered: i32,
    /// Positions that are being left.
    pub exited: i32,
    /// What was left out: `[{symbol, reason}]`.
    pub skipped: Value,
    /// What went wrong.
    pub error: Option<String>,
    /// The trace.
    pub trace_id: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A symbol that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The symbol.
    pub symbol: String,
    /// Why.
    pub reason: String,
}

/// What a cycle came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields of a cycle")]
pub struct Outcome {
    pub universe: Vec<String>,
    pub analysed: i32,
    pub decided: i32,
    pub ordered: i32,
    pub exited: i32,
    pub skipped: Vec<Skipped>,
}

/// Selects whole cycles; the rest of the statement follows.
macro_rules! cycles {
    ($rest:literal $(, $argument:expr)* $(,)?) => { sqlx::query_as!(
        Cycle,
        r#"select cycle_id as id, user_id, tick, mode as "mode!: Word<Mode>", status, stopped_before,
                  stop_reason, universe, analysed, decided, ordered, exited, skipped, error, trace_id,
                  started_at, finished_at
             from cycles
            "# + $rest
        $(, $argument)*
    ) };
}
pub(super) use cycles;

/// Returns the user's cycles, newest first.
pub async fn recent(conn: &mut PgConnection, user_id: Uuid, limit: i64) -> sqlx::Result<Vec<Cycle>> {
    cycles!(
        "where user_id = $1
            order by started_at desc
            limit $2",
        user_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// What a cycle is for.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// Whose agent's.
    pub user_id: Uuid,
    /// When it was due.
    pub at: DateTime<Utc>,
    /// Later than this after it was due, it is not begun any more.
    pub good_for: Duration,
}

/// Begins a cycle; `false` when another job has begun one for the tick, or when it is too late to.
pub async fn begin(
    conn: &mut PgConnection,
    id: Uuid,
    tick: &Tick,
    mode: Mode,
    trace_id: Option<&str>,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "insert into cycles (cycle_id, user_id, tick, mode, trace_id)
         select $1, $2, $3, $4, $5
          where clock_timestamp() - $3 <= make_interval(secs => $6)
         on conflict do nothing",
        id,
        tick.user_id,
        tick.at,
        mode.as_str(),
        trace_id,
        tick.good_for.as_secs_f64()
    )
    .execute(&mut *conn)
    .await?;
    let ours = sqlx::query_scalar!(
        "select cycle_id from cycles where user_id = $1 and tick = $2",
        tick.user_id,
        tick.at
    )
    .fetch_optional(conn)
    .await?;
    Ok(ours == Some(id))
}

/// Ends a cycle that was carried through.
pub async fn finish(conn: &mut PgConnection, id: Uuid, outcome: &Outcome) -> sqlx::Result<()> {
    end(conn, id, "done", None, None, Some(outcome)).await
}

/// Ends a cycle that a control stopped before `step`.
pub async fn stopped(
    conn: &mut PgConnection,
    id: Uuid,
    step: &str,
    reason: &str,
    outcome: &Outcome,
) -> sqlx::Result<()> {
    end(conn, id, "stopped", Some((step, reason)), None, Some(outcome)).await
}

/// Ends a cycle that could not be carried through; `None` leaves what is known of it.
pub async fn fail(
    conn: &mut PgConnection,
    id: Uuid,
    error: &str,
    outcome: Option<&Outcome>,
) -> sqlx::Result<()> {
    end(conn, id, "failed", None, Some(error), outcome).await
}

async fn end(
    conn: &mut PgConnection,
    id: Uuid,
    status: &str,
    stop: Option<(&str, &str)>,
    error: Option<&str>,
    outcome: Option<&Outcome>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update cycles
            set status = $2, stopped_before = $3, stop_reason = $4, error = $5,
                universe = coalesce($6, universe), analysed = coalesce($7, analysed),
                decided = coalesce($8, decided), ordered = coalesce($9, ordered),
                exited = coalesce($10, exited), skipped = coalesce($11, skipped),
                finished_at = clock_timestamp()
          where cycle_id = $1 and status = 'running'",
        id,
        status,
        stop.map(|(step, _)| step),
        stop.map(|(_, reason)| reason),
        error,
        outcome.map(|outcome| outcome.universe.as_slice()),
        outcome.map(|outcome| outcome.analysed),
        outcome.map(|outcome| outcome.decided),
        outcome.map(|outcome| outcome.ordered),
        outcome.map(|outcome| outcome.exited),
        outcome.map(|outcome| json!(outcome.skipped))
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the cycle of a tick whose job will not run again; `false` when it has ended already.
pub async fn fail_tick(
    conn: &mut PgConnection,
    user_id: Uuid,
    tick: DateTime<Utc>,
    error: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update cycles
            set status = 'failed', error = $3, finished_at = clock_timestamp()
          where user_id = $1 and tick = $2 and status = 'running'",
        user_id,
        tick,
        error
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
