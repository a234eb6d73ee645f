//! What the measurements stand on: a fresh schema in `PGURL`, jobs, a worker, and what it all
//! cost the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use jobs::{
    Environment, Job, Registry,
    config::Config,
    db::{self, schema::MIGRATIONS},
    kinds::measure::{self, Measure},
    queue::{self, Counters, Enqueue, WorkerOptions, enqueue_many},
};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

use super::spent::Spent;

/// Jobs of one bulk insert.
pub(super) const BULK: usize = 1000;
/// A drain that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(30);

/// The database of a measurement, emptied.
pub(super) struct Ground {
    /// The settings of production, with the database of `PGURL`.
    pub(super) config: Arc<Config>,
    /// Connections of the measurement itself.
    pub(super) pool: PgPool,
}

/// What a drain took.
pub(super) struct Drained {
    /// From the worker's start to the last commit.
    pub(super) seconds: f64,
    /// What the server spent.
    pub(super) spent: Spent,
}

impl Ground {
    /// Returns the database as it is.
    pub(super) fn found() -> anyhow::Result<Self> {
        let mut config = Config::for_profile("production", true)?;
        let url = std::env::var("PGURL").context("PGURL names the database to measure on")?;
        config.database.url = Some(url.into());
        config.log.filter = "warn".into();
        let pool = db::pool(&config.database, "bench")?;
        Ok(Self { config: Arc::new(config), pool })
    }

    /// Returns the database with nothing in it but the schema: what it held is lost.
    pub(super) async fn fresh() -> anyhow::Result<Self> {
        let ground = Self::found()?;
        let drop = "drop schema if exists queue cascade; drop schema public cascade; create schema public";
        sqlx::raw_sql(drop).execute(&ground.pool).await?;
        MIGRATIONS.run(&ground.pool).await?;
        Ok(ground)
    }

    /// Returns a connection without the settings of the pool's.
    pub(super) async fn connect(&self) -> anyhow::Result<PgConnection> {
        let options = (*self.pool.connect_options())
            .clone()
            .options([("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")]);
        Ok(PgConnection::connect_with(&options).await?)
    }

    /// Enqueues `n` jobs, visible at once, and returns when they are committed.
    pub(super) async fn fill(&self, n: usize) -> anyhow::Result<()> {
        let mut conn = self.connect().await?;
        let mut tx = conn.begin().await?;
        for first in (0..n).step_by(BULK) {
            let jobs: Vec<_> = (first..n.min(first + BULK)).map(Measure::now).collect();
            enqueue_many(&mut tx, &jobs, &Enqueue::default()).await?;
        }
        tx.commit().await?;
        conn.close().await?;
        Ok(())
    }

    /// Puts `rows` further jobs into the hot table, half of them scheduled for tomorrow and half
    /// available at a lower priority, and `rows` into the history of the last seven days.
    pub(super) async fn burden(&self, rows: i64) -> anyhow::Result<()> {
        let mut conn = self.connect().await?;
        sqlx::query(
            "insert into queue.jobs (job_id, queue, kind, payload, state, priority, run_at)
             select gen_random_uuid(), $2, $3, jsonb_build_object('i', n, 't', 0, 'pad', repeat('x', 64)),
                    case when n % 2 = 0 then 'scheduled' else 'available' end::queue.job_state, 100,
                    clock_timestamp() + (1 - n % 2) * interval '1 day'
               from generate_series(1, $1) as n",
        )
        .bind(rows)
        .bind(Measure::QUEUE)
        .bind(Measure::KIND)
        .execute(&mut conn)
        .await?;
        sqlx::query("select queue.ensure_partitions((now() at time zone 'utc')::date - n) from generate_series(1, 7) as n")
            .execute(&mut conn)
            .await?;
        sqlx::query(
            "insert into queue.finished (job_id, queue, kind, payload, state, priority, attempt, failures,
                    crashes, run_at, created_at, started_at, finished_at)
             select gen_random_uuid(), $2, $3, jsonb_build_object('i', n, 't', 0, 'pad', repeat('x', 64)),
                    'completed', 0, 1, 0, 0, at, at, at, at
               from generate_series(1, $1) as n,
                    lateral (select (date_trunc('day', now() at time zone 'utc')
                                     - (n % 7) * interval '1 day' - interval '1 minute') at time zone 'utc') as d(at)",
        )
        .bind(rows)
        .bind(Measure::QUEUE)
        .bind(Measure::KIND)
        .execute(&mut conn)
        .await?;
        for table in ["vacuum analyze queue.jobs", "vacuum analyze queue.finished"] {
            sqlx::raw_sql(table).execute(&mut conn).await?;
        }
        conn.close().await?;
        Ok(())
    }

    /// Starts a worker in this process, with connections of its own.
    pub(super) fn start(&self, slots: usize) -> anyhow::Result<Worker> {
        let pool = db::pool(&self.config.database, "worker")?;
        let env = Arc::new(Environment::new(pool.clone(), Arc::clone(&self.config)));
        let options = WorkerOptions { queues: vec![(Measure::QUEUE.into(), slots)] };
        let (shutdown, counters) = (CancellationToken::new(), Arc::new(Counters::default()));
        let running =
            tokio::spawn(queue::run(env, Registry::measuring(), options, counters, shutdown.clone()));
        Ok(Worker { shutdown, running, pool })
    }

    /// Runs the `n` waiting jobs of the highest priority and says what that took.
    pub(super) async fn drain(&self, n: usize, slots: usize) -> anyhow::Result<Drained> {
        let begun: chrono::DateTime<chrono::Utc> =
            sqlx::query_scalar("select clock_timestamp()").fetch_one(&self.pool).await?;
        let (already, before, started) = (measure::handled(), self.spent().await?, Instant::now());
        let worker = self.start(slots)?;
        while measure::handled() < already + n {
            anyhow::ensure!(started.elapsed() < LIMIT, "{n} jobs are not run within {LIMIT:?}");
            sleep(Duration::from_millis(1)).await;
        }
        let finished = "select count(*) from queue.finished where finished_at >= $1 and priority = 0";
        while sqlx::query_scalar::<_, i64>(finished).bind(begun).fetch_one(&self.pool).await?
            < i64::try_from(n)?
        {
            anyhow::ensure!(started.elapsed() < LIMIT, "{n} jobs are not committed within {LIMIT:?}");
            sleep(Duration::from_millis(1)).await;
        }
        let seconds = started.elapsed().as_secs_f64();
        let spent = self.spent().await?.since(&before);
        worker.stop().await?;
        // Sessions report their commits when they end.
        let commits = self.spent().await?.since(&before).commits;
        Ok(Drained { seconds, spent: Spent { commits, ..spent } })
    }

    /// Returns what the server has spent so far.
    pub(super) async fn spent(&self) -> anyhow::Result<Spent> {
        Ok(Spent::now(&self.pool).await?)
    }
}

/// Returns whether a job is left. Looks at the end that is drained last: from the other one, the
/// question would walk over all that was there.
pub(super) async fn unfinished(pool: &PgPool) -> sqlx::Result<bool> {
    let last =
        "select exists (select 1 from (select 1 from queue.jobs order by job_id desc limit 1) as last)";
    sqlx::query_scalar(last).fetch_one(pool).await
}

/// A worker in this process.
pub(super) struct Worker {
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), queue::WorkerError>>,
    pool: PgPool,
}

impl Worker {
    /// Stops it and closes its connections.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.running.await??;
        self.pool.close().await;
        Ok(())
    }
}

/// Returns the middle one of `values`, the lower of two; NaN for none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Returns the nearest-rank percentile of sorted `values`; NaN for none.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn medians_and_percentiles_are_values_that_were_seen() {
        let medians = [median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0])];
        assert_eq!(medians.map(Some), [Some(2.0), Some(1.0)]);
        let sorted: Vec<f64> = (1..=10).map(f64::from).collect();
        let seen = [50, 95, 100].map(|percent| Some(percentile(&sorted, percent)));
        assert_eq!(seen, [Some(5.0), Some(10.0), Some(10.0)]);
        assert!(median(Vec::new()).is_nan() && percentile(&[], 50).is_nan());
    }
}
