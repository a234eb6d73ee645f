//! What the fleet may still ask of a provider. Every process shares the row, and the clock is
//! the database's.

use std::time::Duration;

use sqlx::PgConnection;

/// How an allowance grows back, and how much of it one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The time in which one permit grows back.
    pub interval: Duration,
    /// How many permits may have been taken ahead of their time, this one included.
    pub ahead: u32,
}

/// What became of a request for permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Taken.
    Granted,
    /// None taken: the allowance is used up for so long.
    Used(Duration),
    /// None taken: the provider told the fleet to stay away for so long.
    Blocked(Duration),
}

/// Takes `permits` of the allowance of `provider`, or says how long that takes.
///
/// The generic cell rate algorithm (ITU-T I.371), decided by one statement under the row's lock:
/// over any span `t`, no more than `ahead + t / interval` permits are granted.
pub async fn take(
    conn: &mut PgConnection,
    provider: &str,
    permits: u32,
    allowance: Allowance,
) -> sqlx::Result<Grant> {
    let row = sqlx::query!(
        r#"insert into external_limits as l (provider, whole_at)
         values ($1, clock_timestamp() + $2::bigint * interval '1 us')
         on conflict (provider) do update
            set (whole_at, granted, wait_ms) = (
                select case when free_at <= now then whole else l.whole_at end,
                       free_at <= now,
                       greatest(0, ceil(extract(epoch from free_at - now) * 1000))::bigint
                  from (select now, whole,
                               greatest(l.blocked_until, whole - $3::bigint * interval '1 us') as free_at
                          from (select now, greatest(l.whole_at, now) + $2 * interval '1 us' as whole
                                  from (select clock_timestamp() as now) as clock) as taken) as asked)
         returning granted, wait_ms, blocked_until > clock_timestamp() as "blocked!""#,
        provider,
        micros(allowance.interval.saturating_mul(permits)),
        micros(allowance.interval.saturating_mul(allowance.ahead.max(permits))),
    )
    .fetch_one(conn)
    .await?;
    let wait = Duration::from_millis(u64::try_from(row.wait_ms).unwrap_or_default().max(1));
    Ok(match (row.granted, row.blocked) {
        (true, _) => Grant::Granted,
        (false, true) => Grant::Blocked(wait),
        (false, false) => Grant::Used(wait),
    })
}

/// Keeps the whole fleet away from `provider` for `wait` from now, or longer if it was told so.
pub async fn block(conn: &mut PgConnection, provider: &str, wait: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into external_limits as l (provider, whole_at, blocked_until)
         values ($1, clock_timestamp(), clock_timestamp() + $2::bigint * interval '1 us')
         on conflict (provider) do update
            set blocked_until = greatest(l.blocked_until, excluded.blocked_until)",
        provider,
        micros(wait),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
