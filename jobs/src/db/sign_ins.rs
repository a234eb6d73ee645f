//! Failed sign-ins, counted per subject: an account, an address, or one from the other.
//! Every API process shares the counts, and the clock is the database's.

use sqlx::PgConnection;

/// How failures turn into delays.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// Failures without a delay.
    pub free: i32,
    /// The first delay; it doubles with each further failure. Milliseconds.
    pub base_ms: i64,
    /// The longest delay. Milliseconds.
    pub max_ms: i64,
    /// Each such time without a failure takes one off the count. Seconds, at least 1.
    pub decay_s: i64,
    /// A count that saw no failure for so long starts again. Seconds.
    pub forget_after_s: i64,
}

/// Returns how many milliseconds the most delayed of `subjects` has yet to wait.
pub async fn wait_ms(conn: &mut PgConnection, subjects: &[String]) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select ceil(extract(epoch from max(blocked_until) - clock_timestamp()) * 1000)::bigint
           from sign_in_failures
          where subject = any($1) and blocked_until > clock_timestamp()",
        subjects
    )
    .fetch_one(conn)
    .await
}

/// Counts one more failure of `subject` and returns the count.
///
/// Call it for several subjects in one fixed order: each call locks a row.
pub async fn count_failure(conn: &mut PgConnection, subject: &str, delays: Delays) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "insert into sign_in_failures as f (subject, failures, last_failed_at, blocked_until)
         values ($1, 1, clock_timestamp(), clock_timestamp()
             + case when 1 > $2::integer then least($3::bigint, $4::bigint) else 0 end * interval '1 ms')
         on conflict (subject) do update
            set (failures, last_failed_at, blocked_until) = (
                select n, clock_timestamp(), clock_timestamp() + case
                           when n > $2 then least($3 * 2 ^ least(n - $2 - 1, 40), $4)
                           else 0
                       end * interval '1 ms'
                  from (select case
                                   when f.last_failed_at < clock_timestamp() - $5::bigint * interval '1 s' then 1
                                   else 1 + greatest(0, f.failures - floor(extract(epoch
                                       from clock_timestamp() - f.last_failed_at) / $6::bigint))::integer
                               end as n) as counted)
         returning failures",
        subject,
        delays.free,
        delays.base_ms,
        delays.max_ms,
        delays.forget_after_s,
        delays.decay_s
    )
    .fetch_one(conn)
    .await
}

/// Forgets the failures of `subject`, and the delay they brought.
pub async fn clear(conn: &mut PgConnection, subject: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from sign_in_failures where subject = $1", subject).execute(conn).await?;
    Ok(())
}

/// Removes counts that saw no failure for `forget_after_s` seconds; returns how many.
pub async fn sweep(conn: &mut PgConnection, forget_after_s: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from sign_in_failures
          where last_failed_at < clock_timestamp() - $1::bigint * interval '1 s'
            and blocked_until < clock_timestamp()",
        forget_after_s
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
