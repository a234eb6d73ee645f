//! How each process finds each provider, for those who watch the fleet.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What one process last said about one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The provider's name, such as `alpaca_trading`.
    pub provider: String,
    /// The process, as `host:pid`.
    pub process: String,
    /// `closed` (calls go through), `open` (none does) or `half_open` (one tries).
    pub breaker: String,
    /// Since when it is in that state, by the process's clock.
    pub since: DateTime<Utc>,
    /// The last failure that counted, if there was one.
    pub last_error: Option<String>,
    /// When the process last said so, by the database's clock.
    pub seen_at: DateTime<Utc>,
}

/// Records what a process sees, and drops what nobody has repeated for an hour; `seen_at` is
/// the database's.
pub async fn record(
    conn: &mut PgConnection,
    provider: &str,
    process: &str,
    breaker: &str,
    since: DateTime<Utc>,
    last_error: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with gone as (
            delete from external_status
             where seen_at < clock_timestamp() - interval '1 hour'
               and (provider, process) is distinct from ($1, $2))
         insert into external_status (provider, process, breaker, since, last_error)
         values ($1, $2, $3, $4, $5)
         on conflict (provider, process) do update
            set breaker = excluded.breaker,
                since = excluded.since,
                last_error = excluded.last_error,
                seen_at = clock_timestamp()",
        provider,
        process,
        breaker,
        since,
        last_error,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns what was said within the last half minute, by provider and process: a process that
/// is gone says nothing more.
pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<Status>> {
    sqlx::query_as!(
        Status,
        "select provider, process, breaker, since, last_error, seen_at
           from external_status
          where seen_at > clock_timestamp() - interval '30 s'
          order by provider, process"
    )
    .fetch_all(conn)
    .await
}
