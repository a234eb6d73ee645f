//! Analyses that users ask for one at a time: how many of them, of late.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{job::Job, kinds::analyze_symbol::AnalyzeSymbol};

/// What a user has asked for of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested {
    /// Decisions of the last minute that the user asked for, and those that are still worked at.
    pub count: i64,
    /// How long until the first of those decisions is a minute old; a minute when there is none.
    pub room_in: Duration,
}

/// Makes the user's other requests for analyses wait for the caller's transaction, so that those
/// at the same time are counted one after the other.
pub async fn take_turn(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('analyze ' || $1::text, 0))::text",
        user_id.to_string()
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// Counts what `user_id` has asked for of late, the caller's transaction included.
pub async fn requested(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Requested> {
    let row = sqlx::query!(
        r#"select d.made + j.unfinished as "count!", d.oldest_s as "oldest_s!"
             from (select count(*) as made,
                          coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8
                          as oldest_s
                     from ai_decisions
                    where user_id = $1 and origin = 'request'
                      and created_at > clock_timestamp() - interval '1 minute') as d,
                  (select count(*) as unfinished
                     from queue.jobs
                    where kind = $2 and starts_with(unique_key, $3)) as j"#,
        user_id,
        AnalyzeSymbol::KIND,
        AnalyzeSymbol::key_of(user_id),
    )
    .fetch_one(conn)
    .await?;
    let room_in = Duration::from_secs_f64((60.0 - row.oldest_s).clamp(1.0, 60.0));
    Ok(Requested { count: row.count, room_in })
}
