//! Failures grouped by fingerprint: the same words with other numbers are one error.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::COUNT_CAP;

/// One error and how often it was seen.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ErrorGroup {
    pub fingerprint: String,
    pub error_class: Option<String>,
    pub count: i64,
    pub jobs: i64,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    pub kinds: Vec<String>,
    /// The message of the latest failure.
    pub sample: Option<String>,
    /// The job of the latest failure.
    pub sample_job_id: Uuid,
}

/// The errors of a time.
#[derive(Debug, Clone)]
pub struct ErrorReport {
    /// The most frequent first.
    pub groups: Vec<ErrorGroup>,
    /// Only the latest [`COUNT_CAP`] failures were looked at.
    pub approximate: bool,
}

/// Groups the failures since `since`: attempts that failed or crashed, and discarded jobs.
pub async fn errors(conn: &mut PgConnection, since: DateTime<Utc>, limit: i64) -> sqlx::Result<ErrorReport> {
    let rows = sqlx::query!(
        r#"with failed as materialized (
               select job_id, ended_at, error_class, message, fingerprint
                 from (select job_id, ended_at, error_class, message, fingerprint
                         from queue.attempts
                        where ended_at >= $1 and fingerprint is not null
                        union all
                       select job_id, finished_at, split_part(last_error, ': ', 1),
                              substr(last_error, length(split_part(last_error, ': ', 1)) + 3),
                              queue.fingerprint(last_error)
                         from queue.finished
                        where finished_at >= $1 and state <> 'completed' and state = 'discarded'
                          and last_error is not null) as every
                order by ended_at desc
                limit $2),
           named as (
               select f.job_id, f.ended_at, f.error_class, f.message, f.fingerprint,
                      coalesce((select kind from queue.jobs j where j.job_id = f.job_id),
                               (select kind from queue.finished d where d.job_id = f.job_id limit 1)) as kind
                 from failed f)
           select fingerprint as "fingerprint!",
                  (array_agg(error_class order by ended_at desc))[1] as error_class,
                  count(*) as "count!",
                  count(distinct job_id) as "jobs!",
                  min(ended_at) as "first_seen!",
                  max(ended_at) as "last_seen!",
                  coalesce(array_agg(distinct kind) filter (where kind is not null), '{}') as "kinds!",
                  (array_agg(message order by ended_at desc))[1] as sample,
                  (array_agg(job_id order by ended_at desc))[1] as "sample_job_id!",
                  (select count(*) from failed) as "looked_at!"
             from named
            group by fingerprint
            order by count(*) desc, max(ended_at) desc
            limit $3"#,
        since,
        COUNT_CAP + 1,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let approximate = rows.first().is_some_and(|row| row.looked_at > COUNT_CAP);
    let groups = rows.into_iter().map(|row| ErrorGroup {
        fingerprint: row.fingerprint,
        error_class: row.error_class,
        count: row.count,
        jobs: row.jobs,
        first_seen: row.first_seen,
        last_seen: row.last_seen,
        kinds: row.kinds,
        sample: row.sample,
        sample_job_id: row.sample_job_id,
    });
    Ok(ErrorReport { groups: groups.collect(), approximate })
}
