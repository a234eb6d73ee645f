//! An agent's work in numbers, and what went wrong with it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An agent's work in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// What its user holds.
    pub positions: i64,
    /// Decisions of the last day.
    pub recent_decisions: i64,
    /// When the last decision was made.
    pub last_decision_at: Option<DateTime<Utc>>,
    /// When the last cycle began.
    pub last_cycle_at: Option<DateTime<Utc>>,
    /// When the last cycle ended that got as far as the exits.
    pub last_exits_at: Option<DateTime<Utc>>,
}

/// Returns the work of the agent of `user_id` in numbers.
pub async fn figures(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Figures> {
    sqlx::query_as!(
        Figures,
        r#"select (select count(*) from positions where user_id = $1) as "positions!",
                  (select count(*) from ai_decisions
                    where user_id = $1 and created_at > clock_timestamp() - interval '1 day')
                      as "recent_decisions!",
                  (select max(created_at) from ai_decisions where user_id = $1) as last_decision_at,
                  (select max(started_at) from cycles where user_id = $1) as last_cycle_at,
                  (select max(finished_at) from cycles where user_id = $1 and status = 'done')
                      as last_exits_at"#,
        user_id
    )
    .fetch_one(conn)
    .await
}

/// A cycle that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleError {
    /// The cycle.
    pub cycle_id: Uuid,
    /// What went wrong.
    pub message: String,
    /// When it did.
    pub at: DateTime<Utc>,
}

/// Returns the last cycles of `user_id` that failed, newest first.
pub async fn errors(conn: &mut PgConnection, user_id: Uuid, limit: i64) -> sqlx::Result<Vec<CycleError>> {
    sqlx::query_as!(
        CycleError,
        r#"select cycle_id, coalesce(error, stop_reason, 'failed') as "message!",
                  coalesce(finished_at, started_at) as "at!"
             from cycles
            where user_id = $1 and status = 'failed'
            order by started_at desc
            limit $2"#,
        user_id,
        limit
    )
    .fetch_all(conn)
    .await
}
