//! Steering all agents at once, as operators do; callers audit it. Agents are locked in one order, by user.

use domain::cycle::Mode;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{events, status};

/// Makes a cycle of every running agent due at once, or only of those in `mode`; returns of how many.
pub async fn run_now(conn: &mut PgConnection, mode: Option<Mode>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "with wanted as (
             select user_id from agent_status
              where is_running and not is_paused and ($1::text is null or mode = $1)
              order by user_id for no key update)
         update agent_status as a
            set next_cycle_at = clock_timestamp()
           from wanted
          where a.user_id = wanted.user_id",
        mode.map(Mode::as_str)
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets the failures of all agents, and tells their users; returns of how many.
pub async fn forget_failures(conn: &mut PgConnection) -> sqlx::Result<usize> {
    let users = sqlx::query_scalar!(
        "with wanted as (
             select user_id from agent_status
              where consecutive_errors > 0 or last_error is not null
              order by user_id for no key update)
         update agent_status as a
            set consecutive_errors = 0, last_error = null, last_error_at = null
           from wanted
          where a.user_id = wanted.user_id
         returning a.user_id"
    )
    .fetch_all(&mut *conn)
    .await?;
    tell(conn, &users).await
}

/// Takes every agent back to `mode` that does more by itself, and tells their users; returns how many.
pub async fn restrain(conn: &mut PgConnection, mode: Mode) -> sqlx::Result<usize> {
    let freer: &[&str] = match mode {
        Mode::Autonomous => &[],
        Mode::SemiAuto => &[Mode::Autonomous.as_str()],
        Mode::Manual => &[Mode::Autonomous.as_str(), Mode::SemiAuto.as_str()],
    };
    let users = sqlx::query_scalar!(
        "with wanted as (
             select user_id from agent_status
              where mode = any ($2)
              order by user_id for no key update)
         update agent_status as a
            set mode = $1, version = version + 1, updated_at = clock_timestamp()
           from wanted
          where a.user_id = wanted.user_id
         returning a.user_id",
        mode.as_str(),
        freer as &[&str]
    )
    .fetch_all(&mut *conn)
    .await?;
    tell(conn, &users).await
}

async fn tell(conn: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<usize> {
    for user_id in users {
        let agent = status(conn, *user_id).await?;
        events::append(conn, *user_id, "agent:status", None, &agent.told()).await?;
    }
    Ok(users.len())
}
