//! Turns schedules into jobs: the duty of the `scheduler` role.
//!
//! A tick is enqueued in the transaction that moves the schedule on, so neither a crash nor a
//! second leader makes it twice.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::sleep;
use tracing::{debug, warn};
use uuid::Uuid;

use super::{
    Enqueue,
    cron::{CronError, next_tick},
    enqueue::{self, RawJob},
    hints::Hints,
    leader::{Term, TermError},
};

/// How often schedules are looked at.
const EVERY: Duration = Duration::from_millis(500);
/// Most missed ticks that one look makes up for.
const CATCH_UP: usize = 100;

/// Enqueues due ticks until the leadership ends.
pub(super) async fn lead(pool: PgPool, hints: Hints, term: Term) {
    loop {
        match tokio::time::timeout(Duration::from_secs(10), tick(&pool, &term)).await {
            Ok(Ok(queues)) => queues.iter().for_each(|queue| hints.jobs(queue)),
            Ok(Err(TermError::Over(number))) => {
                warn!(term = number, "this scheduler's term is over");
                return;
            }
            Ok(Err(TermError::Database(error))) => debug!(%error, "could not look at the schedules"),
            Err(_) => debug!("no answer when looking at the schedules"),
        }
        sleep(EVERY).await;
    }
}

struct Due {
    schedule_id: Uuid,
    name: String,
    cron: String,
    time_zone: String,
    queue: String,
    kind: String,
    payload: Value,
    misfire: String,
    overlap: String,
    next_tick: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
}

async fn tick(pool: &PgPool, term: &Term) -> Result<Vec<String>, TermError> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    term.assert(&mut tx).await?;
    let due = sqlx::query_as!(
        Due,
        r#"select schedule_id, name, cron, time_zone, queue, kind, payload, misfire, overlap,
                  next_tick, clock_timestamp() as "now!"
             from queue.schedules
            where not paused and (next_tick is null or next_tick <= clock_timestamp())
            order by next_tick nulls first
            limit 50
              for no key update skip locked"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut queues = Vec::new();
    for schedule in due {
        if run_due(&mut tx, &schedule).await? {
            queues.push(schedule.queue);
        }
    }
    tx.commit().await?;
    Ok(queues)
}

/// Enqueues what a due schedule owes and moves it on; returns whether anything was enqueued.
async fn run_due(conn: &mut PgConnection, schedule: &Due) -> Result<bool, TermError> {
    let Ok((ticks, next)) = ticks(schedule) else {
        // The API refuses such lines; one that got in anyway must not hold up the others.
        warn!(schedule.name = %schedule.name, "schedule {} has no valid cron line; paused", schedule.name);
        sqlx::query!(
            "update queue.schedules set paused = true, updated_at = clock_timestamp() where schedule_id = $1",
            schedule.schedule_id
        )
        .execute(conn)
        .await?;
        return Ok(false);
    };
    let mut enqueued = false;
    for tick in &ticks {
        enqueued |= enqueue_tick(conn, schedule, *tick).await?;
    }
    sqlx::query!(
        "update queue.schedules
            set next_tick = $2, last_tick = coalesce($3, last_tick), updated_at = clock_timestamp()
          where schedule_id = $1",
        schedule.schedule_id,
        next,
        ticks.last().copied(),
    )
    .execute(conn)
    .await?;
    Ok(enqueued)
}

/// The ticks owed, oldest first, and the one after.
type Ticks = (Vec<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Returns the ticks owed by now, as the misfire policy says, and the one after.
///
/// A new schedule owes none: it begins with its next tick.
fn ticks(schedule: &Due) -> Result<Ticks, CronError> {
    let after = |at| next_tick(&schedule.cron, &schedule.time_zone, at);
    let Some(first) = schedule.next_tick else { return Ok((Vec::new(), after(schedule.now)?)) };
    let mut owed = vec![first];
    let mut next = after(first)?;
    while let Some(tick) = next.filter(|tick| *tick <= schedule.now) {
        owed.push(tick);
        // Only as many as may be made up for are kept; the oldest are given up.
        if owed.len() > CATCH_UP {
            owed.remove(0);
        }
        next = after(tick)?;
    }
    // On time counts as no misfire: the newest tick within a minute is always run.
    let late = |tick: &DateTime<Utc>| schedule.now - *tick > chrono::Duration::minutes(1);
    match schedule.misfire.as_str() {
        "all" => {}
        "skip" => owed.retain(|tick| !late(tick)),
        _ => drop(owed.drain(..owed.len() - 1)),
    }
    Ok((owed, next))
}

async fn enqueue_tick(
    conn: &mut PgConnection,
    schedule: &Due,
    tick: DateTime<Utc>,
) -> Result<bool, TermError> {
    let label = format!("schedule:{}", schedule.schedule_id);
    if schedule.overlap == "skip" {
        let running = sqlx::query_scalar!(
            r#"select exists (select 1 from queue.jobs where kind = $1 and unique_key like $2 || ':%') as "any!""#,
            schedule.kind,
            label,
        )
        .fetch_one(&mut *conn)
        .await?;
        if running {
            return Ok(false);
        }
    }
    let job = RawJob {
        queue: schedule.queue.clone(),
        kind: schedule.kind.clone(),
        payload: schedule.payload.clone(),
        priority: 0,
        unique_key: Some(format!("{label}:{}", tick.timestamp())),
        fifo_key: None,
        limit_key: None,
    };
    let options = Enqueue::default().tag(label).trace_id(Uuid::new_v4().simple().to_string());
    let enqueued = enqueue::insert(conn, job, options).await.map_err(|error| match error {
        super::EnqueueError::Database(error) => TermError::Database(error),
        other => TermError::Database(sqlx::Error::Protocol(other.to_string())),
    })?;
    Ok(enqueued.inserted)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use serde_json::json;

    use super::*;

    fn at(hour: u32, minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 2, hour, minute, 5).single().expect("a valid time")
    }

    fn schedule(misfire: &str, next_tick: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Due {
        Due {
            schedule_id: Uuid::nil(),
            name: "s".into(),
            cron: "0 * * * *".into(),
            time_zone: "UTC".into(),
            queue: "q".into(),
            kind: "k".into(),
            payload: json!({}),
            misfire: misfire.into(),
            overlap: "skip".into(),
            next_tick,
            now,
        }
    }

    #[test]
    fn the_misfire_policy_says_what_is_made_up_for() {
        let hour = |h| Utc.with_ymd_and_hms(2026, 3, 2, h, 0, 0).single().expect("a valid time");
        let cases = [
            ("skip", Some(hour(9)), at(12, 30), vec![]),
            ("skip", Some(hour(12)), at(12, 0), vec![hour(12)]),
            ("latest", Some(hour(9)), at(12, 30), vec![hour(12)]),
            ("all", Some(hour(9)), at(12, 30), vec![hour(9), hour(10), hour(11), hour(12)]),
            ("all", None, at(12, 30), vec![]),
        ];
        for (misfire, next, now, expected) in cases {
            let (owed, following) = ticks(&schedule(misfire, next, now)).expect("a valid line");
            assert_eq!(owed, expected, "{misfire} {next:?}");
            assert_eq!(following, Some(hour(13)));
        }
    }

    #[test]
    fn a_long_outage_is_made_up_for_within_bounds() {
        let long_ago = Utc.with_ymd_and_hms(2025, 1, 1, 0, 0, 0).single().expect("a valid time");
        let (owed, _) = ticks(&schedule("all", Some(long_ago), at(12, 30))).expect("a valid line");
        assert_eq!(owed.len(), CATCH_UP);
    }
}
