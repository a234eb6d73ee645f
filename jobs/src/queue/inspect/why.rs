//! Why a job is not running, or where it is: derived from the rows each time it is asked.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{JobView, job};

/// One thing that holds a job where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// For machines.
    pub code: &'static str,
    /// For people.
    pub text: String,
    /// When it passes by itself, if that is known.
    pub until: Option<DateTime<Utc>>,
    /// The jobs that are in the way.
    pub jobs: Vec<Uuid>,
}

impl Reason {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), until: None, jobs: Vec::new() }
    }

    fn until(mut self, until: DateTime<Utc>) -> Self {
        self.until = Some(until);
        self
    }

    fn jobs(mut self, jobs: Vec<Uuid>) -> Self {
        self.jobs = jobs;
        self
    }
}

/// How many jobs in the way are named.
const NAMED: i64 = 5;

/// Returns everything that holds a job where it is, the most telling first; `None` when there
/// is no such job.
pub async fn why(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Option<Vec<Reason>>> {
    let Some(job) = job(conn, job_id).await? else { return Ok(None) };
    let mut reasons = Vec::new();
    if let Some(at) = job.finished_at {
        reasons.push(Reason::new("FINISHED", format!("{} at {}", job.state, stamp(at))));
        reasons.extend(unique_blocked(conn, &job).await?);
        return Ok(Some(reasons));
    }
    if let Some(at) = job.cancel_requested_at {
        reasons.push(Reason::new("CANCEL_REQUESTED", format!("cancellation asked for at {}", stamp(at))));
    }
    match job.state.as_str() {
        "running" => {
            reasons.push(running(conn, &job).await?);
            return Ok(Some(reasons));
        }
        "quarantined" => {
            let text =
                format!("quarantined: its process vanished {} times; retry or discard it", job.crashes);
            reasons.push(Reason::new("QUARANTINED", text));
            return Ok(Some(reasons));
        }
        "indeterminate" => {
            reasons.push(in_doubt(&job));
            return Ok(Some(reasons));
        }
        "scheduled" => reasons
            .push(Reason::new("SCHEDULED", format!("scheduled for {}", stamp(job.run_at))).until(job.run_at)),
        "retryable" => {
            let text = format!("failed {} times; tries again at {}", job.failures, stamp(job.run_at));
            reasons.push(Reason::new("BACKOFF", text).until(job.run_at));
        }
        _ => {}
    }
    if let Some(at) = job.not_after.filter(|at| *at < Utc::now()) {
        reasons.push(Reason::new("EXPIRED", format!("too late since {}: it will be discarded", stamp(at))));
    }
    reasons.extend(waits_for(conn, job_id).await?);
    reasons.extend(fifo_blocked(conn, &job).await?);
    if job.state != "available" {
        reasons.extend(limited(conn, &job).await?);
    }
    reasons.extend(unserved(conn, &job).await?);
    if reasons.is_empty() {
        reasons.push(in_line(conn, &job).await?);
    }
    Ok(Some(reasons))
}

fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn in_doubt(job: &JobView) -> Reason {
    match job.probes {
        None => Reason::new("INDETERMINATE", "its effect may have happened: find out, then resolve it"),
        Some(looks) => {
            let at = stamp(job.run_at);
            let text = format!("its effect may have happened: looked {looks} times, looks again at {at}");
            Reason::new("INDETERMINATE", text).until(job.run_at)
        }
    }
}

async fn running(conn: &mut PgConnection, job: &JobView) -> sqlx::Result<Reason> {
    let worker = sqlx::query!("select host, pid from queue.workers where worker_id = $1", job.worker_id)
        .fetch_optional(conn)
        .await?;
    let place = worker.map_or_else(String::new, |worker| format!(" ({} pid {})", worker.host, worker.pid));
    let id = job.worker_id.map_or_else(|| "an unknown worker".to_owned(), |id| format!("worker {id}"));
    let since = job.started_at.map(stamp).unwrap_or_default();
    let reason = Reason::new("RUNNING", format!("running on {id}{place} since {since}"));
    Ok(match job.lease_expires_at {
        Some(lease) if lease < Utc::now() => {
            let text =
                format!("{}; its lease ran out at {}, it will be taken back", reason.text, stamp(lease));
            Reason::new("LEASE_EXPIRED", text)
        }
        _ => reason,
    })
}

async fn unique_blocked(conn: &mut PgConnection, job: &JobView) -> sqlx::Result<Option<Reason>> {
    let holder = sqlx::query_scalar!(
        "select job_id from queue.jobs where kind = $1 and unique_key = $2",
        job.kind,
        job.unique_key
    )
    .fetch_optional(conn)
    .await?;
    Ok(holder.map(|holder| {
        let text = format!("unique-blocked: job {holder} has its unique key, so that it can't be retried");
        Reason::new("UNIQUE_BLOCKED", text).jobs(vec![holder])
    }))
}

async fn waits_for(conn: &mut PgConnection, job_id: Uuid) -> sqlx::Result<Option<Reason>> {
    let jobs = sqlx::query_scalar!(
        "select d.depends_on
           from queue.dependencies d
           join queue.jobs u on u.job_id = d.depends_on
          where d.job_id = $1
          order by d.depends_on
          limit $2",
        job_id,
        NAMED
    )
    .fetch_all(conn)
    .await?;
    Ok((!jobs.is_empty())
        .then(|| Reason::new("WAITS_FOR", format!("waits for jobs {}", names(&jobs))).jobs(jobs)))
}

fn names(jobs: &[Uuid]) -> String {
    let names: Vec<String> = jobs.iter().map(Uuid::to_string).collect();
    names.join(", ")
}

async fn fifo_blocked(conn: &mut PgConnection, job: &JobView) -> sqlx::Result<Option<Reason>> {
    let Some(key) = &job.fifo_key else { return Ok(None) };
    let ahead = sqlx::query!(
        r#"select h.job_id, h.state::text as "state!"
             from queue.jobs h
             join queue.jobs j on j.job_id = $2
            where h.fifo_key = $1 and h.fifo_seq < j.fifo_seq
            order by h.fifo_seq
            limit 1"#,
        key,
        job.job_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(ahead.map(|ahead| {
        let text =
            format!("fifo-blocked by job {} ({}), which is first under {key:?}", ahead.job_id, ahead.state);
        Reason::new("FIFO_BLOCKED", text).jobs(vec![ahead.job_id])
    }))
}

async fn limited(conn: &mut PgConnection, job: &JobView) -> sqlx::Result<Vec<Reason>> {
    let Some(key) = &job.limit_key else { return Ok(Vec::new()) };
    // The refill is the one of admissions: a tenth of the rate at most, at nine tenths of it.
    let row = sqlx::query!(
        r#"select max_running,
                  (select count(*) from queue.jobs h
                    where h.limit_key = l.limit_key and h.state in ('available', 'running')) as "used!",
                  array(select h.job_id from queue.jobs h
                         where h.limit_key = l.limit_key and h.state in ('available', 'running')
                         order by h.state = 'running' desc, h.job_id
                         limit $2) as "holders!",
                  rate_per_minute,
                  clock_timestamp() + make_interval(secs =>
                      (1 - least(greatest(1.0, rate_per_minute / 10.0),
                                 tokens + extract(epoch from clock_timestamp() - refilled_at)::float8
                                          * 0.9 * rate_per_minute / 60.0))::float8
                      / (0.9 * rate_per_minute / 60.0)::float8) as token_at
             from queue.limits l
            where limit_key = $1"#,
        key,
        NAMED
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let mut reasons = Vec::new();
    if let Some(most) = row.max_running
        && row.used >= i64::from(most)
    {
        let by = if row.holders.is_empty() { "nobody".to_owned() } else { names(&row.holders) };
        let text = format!("limit {key:?} ({most} at a time) held by {by}");
        reasons.push(Reason::new("LIMIT_HELD", text).jobs(row.holders));
    }
    if let Some(rate) = row.rate_per_minute
        && let Some(at) = row.token_at.filter(|at| *at > Utc::now())
    {
        let text = format!("rate {key:?} ({rate} a minute) until {}", stamp(at));
        reasons.push(Reason::new("RATE_LIMITED", text).until(at));
    }
    Ok(reasons)
}

/// Whether anybody would take it if it could run.
async fn unserved(conn: &mut PgConnection, job: &JobView) -> sqlx::Result<Vec<Reason>> {
    let row = sqlx::query!(
        r#"select (select coalesce(reason, '') from queue.queues where queue = $1 and paused) as paused,
                  exists (select 1 from queue.workers
                           where seen_at > now() - interval '30 s' and queues ? $1) as "served!",
                  exists (select 1 from queue.workers
                           where seen_at > now() - interval '30 s' and kinds @> array[$2]) as "known!""#,
        job.queue,
        job.kind
    )
    .fetch_one(conn)
    .await?;
    let mut reasons = Vec::new();
    if let Some(reason) = row.paused {
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        reasons.push(Reason::new("PAUSED", format!("queue {:?} is paused{because}", job.queue)));
    }
    if !row.known {
        reasons.push(Reason::new("UNKNOWN_KIND", format!("no live worker knows the kind {:?}", job.kind)));
    }
    if !row.served {
        reasons
            .push(Reason::new("UNSERVED_QUEUE", format!("no live worker serves the queue {:?}", job.queue)));
    }
    Ok(reasons)
}

/// It could run: how many go first.
async fn in_line(conn: &mut PgConnection, job: &JobView) -> sqlx::Result<Reason> {
    if job.state == "blocked" {
        return Ok(Reason::new("ADMITTED_SOON", "nothing holds it back: it is admitted within a second"));
    }
    let row = sqlx::query!(
        r#"select (select count(*) from (select 1 from queue.jobs
                    where queue = $1 and state = 'available'
                      and (priority, run_at, job_id) < ($2, $3, $4) limit 1001) c) as "ahead!",
                  (select count(*) from queue.jobs where queue = $1 and state = 'running') as "running!""#,
        job.queue,
        job.priority,
        job.run_at,
        job.job_id
    )
    .fetch_one(conn)
    .await?;
    let ahead = if row.ahead > 1000 { "more than 1000".to_owned() } else { row.ahead.to_string() };
    let text = format!("waits for a free slot: {ahead} jobs go first, {} are running", row.running);
    Ok(Reason::new("IN_LINE", text))
}
