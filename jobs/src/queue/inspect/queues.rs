//! Queues and limits: how much waits, for how long, who works on it, what gets done.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{COUNT_CAP, Count, State};

/// Jobs of one queue by state; states without jobs are absent.
pub type Depth = BTreeMap<&'static str, Count>;

/// A queue as it stands.
#[derive(Debug, Clone, Default)]
pub struct QueueView {
    /// Its name.
    pub queue: String,
    /// Whether workers leave it alone.
    pub paused: bool,
    /// Slots of each worker process, when an operator set them.
    pub concurrency: Option<i32>,
    /// Why an operator changed it last.
    pub reason: Option<String>,
    /// When an operator changed it last.
    pub updated_at: Option<DateTime<Utc>>,
    /// Unfinished jobs.
    pub depth: Depth,
    /// Since when the longest waiting available job could have run.
    pub oldest_available: Option<DateTime<Utc>>,
    /// Jobs finished within the last minute and the last five.
    pub finished: [Count; 2],
    /// Of those of the last five minutes, the discarded ones.
    pub discarded: Count,
    /// Live worker processes that serve it.
    pub workers: i64,
    /// Their slots together, as their own settings say.
    pub slots: i64,
    /// The limits that its unfinished jobs share, by key.
    pub limits: Vec<String>,
}

/// The limits of one key, and how much of them is in use.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct LimitView {
    pub limit_key: String,
    pub max_running: Option<i32>,
    pub rate_per_minute: Option<i32>,
    pub running: i64,
    /// Admitted, but not claimed yet: these count too.
    pub admitted: i64,
    /// Held back, counted up to one more than the cap.
    pub blocked: i64,
    pub updated_at: DateTime<Utc>,
}

/// How many pages of the hot table an estimate reads.
const SAMPLE_PAGES: f64 = 600.0;

/// Returns every queue that is configured (`configured`), set, served or in use, by name.
pub async fn queues(conn: &mut PgConnection, configured: &[String]) -> sqlx::Result<Vec<QueueView>> {
    let mut found: BTreeMap<String, QueueView> = BTreeMap::new();
    let known = sqlx::query!(
        r#"select n.queue as "queue!", coalesce(q.paused, false) as "paused!", q.concurrency, q.reason,
                  q.updated_at as "updated_at?", coalesce(w.workers, 0) as "workers!",
                  coalesce(w.slots, 0)::bigint as "slots!"
             from (select unnest($1::text[]) as queue
                   union select queue from queue.queues
                   union select jsonb_object_keys(queues) from queue.workers
                          where seen_at > now() - interval '30 s') n
             left join queue.queues q on q.queue = n.queue
             left join (select key as queue, count(*) as workers, sum(value::int) as slots
                          from queue.workers, jsonb_each_text(queues)
                         where seen_at > now() - interval '30 s' and not stopping
                         group by key) w on w.queue = n.queue"#,
        configured
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in known {
        let view = QueueView {
            queue: row.queue.clone(),
            paused: row.paused,
            concurrency: row.concurrency,
            reason: row.reason,
            updated_at: row.updated_at,
            workers: row.workers,
            slots: row.slots,
            ..QueueView::default()
        };
        found.insert(row.queue, view);
    }
    for (queue, depth) in depths(conn).await? {
        named(&mut found, queue).depth = depth;
    }
    for (key, queues) in limits_in_use(conn).await? {
        for queue in queues {
            named(&mut found, queue).limits.push(key.clone());
        }
    }
    count_finished(conn, &mut found).await?;
    for view in found.values_mut() {
        view.oldest_available = oldest_available(conn, &view.queue).await?;
    }
    Ok(found.into_values().collect())
}

/// Returns one queue, `None` when nothing knows it.
pub async fn queue(
    conn: &mut PgConnection,
    name: &str,
    configured: &[String],
) -> sqlx::Result<Option<QueueView>> {
    Ok(queues(conn, configured).await?.into_iter().find(|view| view.queue == name))
}

/// Returns whether anything but the settings knows the queue.
pub async fn is_queue(conn: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select 1 from queue.queues where queue = $1)
               or exists (select 1 from queue.workers
                           where seen_at > now() - interval '30 s' and queues ? $1)
               or exists (select 1 from queue.jobs where queue = $1) as "known!""#,
        name
    )
    .fetch_one(conn)
    .await
}

fn named(found: &mut BTreeMap<String, QueueView>, queue: String) -> &mut QueueView {
    found.entry(queue.clone()).or_insert_with(|| QueueView { queue, ..QueueView::default() })
}

/// Returns the unfinished jobs by queue and state: counted while there are few, estimated
/// from a sample of the table's pages otherwise, the running ones always counted.
async fn depths(conn: &mut PgConnection) -> sqlx::Result<BTreeMap<String, Depth>> {
    let size = sqlx::query!(
        r#"select (select count(*) from (select 1 from queue.jobs limit $1) c) as "rows!",
                  (pg_relation_size('queue.jobs') / current_setting('block_size')::bigint)::float8 as "pages!""#,
        COUNT_CAP + 1
    )
    .fetch_one(&mut *conn)
    .await?;
    let share = if size.rows > COUNT_CAP { (SAMPLE_PAGES / size.pages.max(1.0)).min(1.0) } else { 1.0 };
    let mut depths: BTreeMap<String, Depth> = BTreeMap::new();
    let rows = sqlx::query!(
        r#"select queue, state::text as "state!", round((count(*) / $1::float8)::numeric)::bigint as "count!"
             from queue.jobs tablesample system (($1::float8 * 100)::real)
            group by queue, state"#,
        share
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let Ok(state) = row.state.parse::<State>() else { continue };
        let count = Count { count: row.count, approximate: share < 1.0 };
        depths.entry(row.queue).or_default().insert(state.as_str(), count);
    }
    if share < 1.0 {
        for depth in depths.values_mut() {
            depth.remove(State::Running.as_str());
        }
        let running = sqlx::query!(
            r#"select queue, count(*) as "count!" from queue.jobs where state = 'running' group by queue"#
        )
        .fetch_all(conn)
        .await?;
        for row in running {
            let count = Count { count: row.count, approximate: false };
            depths.entry(row.queue).or_default().insert(State::Running.as_str(), count);
        }
    }
    Ok(depths)
}

/// Adds what was finished in the last minutes, looking at no more than the cap of rows.
async fn count_finished(
    conn: &mut PgConnection,
    found: &mut BTreeMap<String, QueueView>,
) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        r#"with one as materialized (
               select queue, state from queue.finished
                where finished_at > now() - interval '1 minute' limit $1),
           five as materialized (
               select queue, state from queue.finished
                where finished_at > now() - interval '5 minutes' limit $1)
           select queue as "queue!", sum(one)::bigint as "one!", sum(five)::bigint as "five!",
                  sum(discarded)::bigint as "discarded!",
                  (select count(*) from one) as "of_one!", (select count(*) from five) as "of_five!"
             from (select queue, 1 as one, 0 as five, 0 as discarded from one
                   union all
                   select queue, 0, 1, (state = 'discarded')::int from five) as every
            group by queue"#,
        COUNT_CAP + 1
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let view = named(found, row.queue);
        let count = |count, of| Count { count, approximate: of > COUNT_CAP };
        view.finished = [count(row.one, row.of_one), count(row.five, row.of_five)];
        view.discarded = count(row.discarded, row.of_five);
    }
    Ok(())
}

/// Returns the limits by key, each with the queues of its unfinished jobs, as far as its first
/// thousand jobs show them.
async fn limits_in_use(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, Vec<String>)>> {
    let rows = sqlx::query!(
        r#"select limit_key,
                  array(select distinct queue
                          from (select queue from queue.jobs j
                                 where j.limit_key = l.limit_key limit 1000) as first) as "queues!"
             from queue.limits l
            order by limit_key
            limit 1000"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.limit_key, row.queues)).collect())
}

/// Returns since when the longest waiting available job could have run: one look at the
/// claim index for each priority in use.
async fn oldest_available(conn: &mut PgConnection, queue: &str) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "with recursive first as (
             (select priority, run_at from queue.jobs
               where queue = $1 and state = 'available'
               order by priority, run_at limit 1)
             union all
             select n.priority, n.run_at
               from first
              cross join lateral (
                     select priority, run_at from queue.jobs
                      where queue = $1 and state = 'available' and priority > first.priority
                      order by priority, run_at limit 1) as n)
         select min(run_at) from first",
        queue
    )
    .fetch_one(conn)
    .await
}

/// Returns the limits by key.
pub async fn limits(conn: &mut PgConnection) -> sqlx::Result<Vec<LimitView>> {
    read_limits(conn, None).await
}

/// Returns the limits of one key.
pub async fn limit(conn: &mut PgConnection, key: &str) -> sqlx::Result<Option<LimitView>> {
    Ok(read_limits(conn, Some(key)).await?.pop())
}

async fn read_limits(conn: &mut PgConnection, key: Option<&str>) -> sqlx::Result<Vec<LimitView>> {
    sqlx::query_as!(
        LimitView,
        r#"select limit_key, max_running, rate_per_minute, updated_at,
                  (select count(*) from queue.jobs j
                    where j.limit_key = l.limit_key and j.state = 'running') as "running!",
                  (select count(*) from queue.jobs j
                    where j.limit_key = l.limit_key and j.state = 'available') as "admitted!",
                  (select count(*) from (select 1 from queue.jobs j
                    where j.limit_key = l.limit_key and j.state = 'blocked' limit $2) c) as "blocked!"
             from queue.limits l
            where $1::text is null or limit_key = $1
            order by limit_key
            limit 1000"#,
        key,
        COUNT_CAP + 1
    )
    .fetch_all(conn)
    .await
}
