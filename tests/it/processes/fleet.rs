//! An API process and worker processes on one database, and who of them holds a job.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use suites::{Capstan, Process, SignedIn, TestDatabase, eventually, requests};
use uuid::Uuid;

/// A process of a debug build, on a machine busy with other tests.
pub(super) const STARTED: Duration = Duration::from_mins(1);
/// Two thousand sessions at 500 a second, run once and begun a second time.
pub(super) const FINISHED: Duration = Duration::from_mins(1);
const PACE: &str = "500";

/// One API, two workers, one user.
pub(super) struct Fleet {
    pub(super) workers: Vec<Process>,
    pub(super) user: SignedIn,
    pub(super) pool: PgPool,
    _api: Process,
    _database: TestDatabase,
}

/// A run that some worker is in the middle of.
pub(super) struct Running {
    pub(super) backtest_id: Uuid,
    pub(super) job_id: Uuid,
    pub(super) worker_id: Uuid,
    /// The index of the worker that holds it.
    pub(super) holder: usize,
}

impl Fleet {
    /// Starts the fleet; `env` goes to the workers.
    pub(super) async fn start(env: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create().await;
        let mut api = Capstan::api(database.url()).start();
        // A worker that has to wait for a processor keeps its lease.
        let mut command = Capstan::worker(database.url())
            .env("CAPSTAN__BACKTEST__PACE_BARS_PER_S", PACE)
            .env("CAPSTAN__QUEUE__LEASE_MS", "4000");
        for (key, value) in env {
            command = command.env(key, value);
        }
        let mut workers = vec![command.start(), command.start()];
        let url = api.url(STARTED).await;
        for worker in &mut workers {
            worker.says("serves", STARTED).await;
        }
        let user = SignedIn::sign_up(&url).await;
        Self { workers, user, pool: database.pool.clone(), _api: api, _database: database }
    }

    /// Requests a run that takes several seconds and returns once one of the workers is in it.
    pub(super) async fn long_run(&self) -> Running {
        let (status, run, _) = self.user.post("/api/backtests", &requests::long_backtest()).await;
        assert_eq!(status, 200, "{run}");
        let backtest_id: Uuid =
            run["id"].as_str().and_then(|id| id.parse().ok()).expect("a run's id is a UUID");
        let (job_id, worker_id, pid) = eventually("the run is under way", STARTED, async || {
            let holder: Option<(Uuid, Uuid, i32)> = sqlx::query_as(
                "select j.job_id, w.worker_id, w.pid
                   from backtests as b
                   join queue.jobs as j using (job_id)
                   join queue.workers as w on w.worker_id = j.worker_id
                  where b.backtest_id = $1 and j.state = 'running' and b.status = 'RUNNING'
                    and greatest(b.progress, j.progress) > 0",
            )
            .bind(backtest_id)
            .fetch_optional(&self.pool)
            .await
            .expect("the database answers");
            holder
        })
        .await;
        let pid = u32::try_from(pid).expect("a process id");
        let holder = self.workers.iter().position(|worker| worker.id() == pid);
        Running { backtest_id, job_id, worker_id, holder: holder.expect("the holder is one of the workers") }
    }

    /// Waits until the run is done, and returns it.
    pub(super) async fn done(&self, run: &Running) -> Value {
        let path = format!("/api/backtests/{}", run.backtest_id);
        let done = eventually("the run is done", FINISHED, async || {
            let (_, run, _) = self.user.get(&path).await;
            if run["status"] == "DONE" { Ok(run) } else { Err(run) }
        });
        done.await
    }

    /// Returns the outcome and the worker of each attempt that did not finish the job, in order.
    pub(super) async fn lost_attempts(&self, run: &Running) -> Vec<(String, Option<Uuid>)> {
        sqlx::query_as("select outcome, worker_id from queue.attempts where job_id = $1 order by attempt")
            .bind(run.job_id)
            .fetch_all(&self.pool)
            .await
            .expect("the database answers")
    }

    /// Checks that the job was finished once, and returns how.
    pub(super) async fn finished(&self, run: &Running) -> Finished {
        let rows: Vec<Finished> = sqlx::query_as(
            "select state::text as state, worker_id, attempt, failures, crashes
               from queue.finished
              where job_id = $1",
        )
        .bind(run.job_id)
        .fetch_all(&self.pool)
        .await
        .expect("the database answers");
        let [row] = <[Finished; 1]>::try_from(rows).expect("a job is finished once");
        row
    }

    /// Checks that the run's results are there once: one equity row a session, no trade twice.
    pub(super) async fn assert_results_once(&self, run: &Running) {
        let (rows, sessions): (i64, i64) = sqlx::query_as(
            "select count(*), count(distinct session_date) from backtest_equity where backtest_id = $1",
        )
        .bind(run.backtest_id)
        .fetch_one(&self.pool)
        .await
        .expect("the database answers");
        assert_eq!(rows, sessions, "equity rows are doubled");
        // AAPL's sessions from 2005 to 2012, counted in the shipped file.
        assert_eq!(sessions, 2013, "the curve has gaps");
        let (trades, distinct): (i64, i64) = sqlx::query_as(
            "select count(*), count(distinct (session_date, symbol, side, qty))
               from backtest_trades
              where backtest_id = $1",
        )
        .bind(run.backtest_id)
        .fetch_one(&self.pool)
        .await
        .expect("the database answers");
        assert!(trades > 0, "no trades");
        assert_eq!(trades, distinct, "trades are doubled");
    }
}

/// How a job ended.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Finished {
    pub(super) state: String,
    pub(super) worker_id: Option<Uuid>,
    pub(super) attempt: i32,
    pub(super) failures: i32,
    pub(super) crashes: i32,
}
