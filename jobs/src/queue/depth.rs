//! How many jobs wait in each queue, and for how long.

use sqlx::PgConnection;

/// The unfinished jobs of a queue in one state.
#[derive(Debug, Clone, PartialEq)]
pub struct Depth {
    /// The queue.
    pub queue: String,
    /// The state.
    pub state: String,
    /// How many there are.
    pub jobs: i64,
    /// For how long the oldest has been due, in seconds, by the database's clock.
    pub oldest_s: Option<f64>,
}

/// Counts the unfinished jobs by queue and state.
pub async fn depths(conn: &mut PgConnection) -> sqlx::Result<Vec<Depth>> {
    sqlx::query_as!(
        Depth,
        r#"select queue, state::text as "state!", count(*) as "jobs!",
                  extract(epoch from clock_timestamp() - min(run_at))::float8 as oldest_s
             from queue.jobs
            group by queue, state
            order by queue, state
            limit 500"#
    )
    .fetch_all(conn)
    .await
}
