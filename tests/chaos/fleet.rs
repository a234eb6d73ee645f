//! Worker processes to be hit, the ledger jobs they work on, and the check that all came out right.

use std::time::Duration;

use jobs::{
    kinds::ledger::{Ledger, Record},
    queue::{Enqueue, enqueue, enqueue_many},
};
use nix::sys::signal::Signal;
use sqlx::PgPool;
use suites::{Capstan, LedgerServer, Process, Verdict, eventually};
use uuid::Uuid;

/// The lease of the test profile.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// A process of a debug build, on a machine busy with other tests.
pub(super) const STARTED: Duration = Duration::from_mins(1);
/// What a process says when its late write was refused.
const FENCED: &str = "of a stale attempt was refused";

/// Worker processes, those that ended included.
pub(super) struct Fleet {
    command: Capstan,
    pub(super) workers: Vec<Process>,
    buried: usize,
}

impl Fleet {
    /// Prepares workers on `url` that serve `queues` (`name=slots,…`); starts none.
    pub(super) fn new(url: &str, queues: &str) -> Self {
        let command = Capstan::command(&["worker", "--queues", queues])
            .database(url)
            .env("CAPSTAN__LOG__FILTER", "info,sqlx=error,apalis_core=warn,jobs=debug")
            .env("CAPSTAN__QUEUE__CANCEL_GRACE_MS", "20000");
        Self { command, workers: Vec::new(), buried: 0 }
    }

    /// Sets a variable of the environment of the workers started from now on.
    #[must_use]
    pub(super) fn env(mut self, key: &str, value: &str) -> Self {
        self.command = self.command.env(key, value);
        self
    }

    /// Adds `n` workers and waits until they serve.
    #[must_use]
    pub(super) async fn with(mut self, n: usize) -> Self {
        for _ in 0..n {
            self.workers.push(self.command.start());
        }
        self.serves().await;
        self
    }

    /// Adds a worker, without a wait.
    pub(super) fn start_one(&mut self) {
        self.workers.push(self.command.start());
    }

    /// Adds a worker and waits until it serves; the others may be frozen.
    #[must_use]
    pub(super) async fn with_another(mut self) -> Self {
        let mut worker = self.command.start();
        worker.says("serves", STARTED).await;
        self.workers.push(worker);
        self
    }

    /// Waits until every worker serves.
    pub(super) async fn serves(&mut self) {
        for worker in &mut self.workers {
            worker.says("serves", STARTED).await;
        }
    }

    /// Kills a worker; another takes its place.
    pub(super) fn kill(&mut self, index: usize) {
        self.workers[index].kill();
        self.replace(index);
    }

    /// Starts another worker in the place of each that has ended; returns how many.
    pub(super) fn replace_dead(&mut self) -> usize {
        let dead: Vec<usize> =
            (0..self.workers.len()).filter(|index| self.workers[*index].exited().is_some()).collect();
        for index in &dead {
            self.replace(*index);
        }
        dead.len()
    }

    /// Returns whether every worker runs.
    pub(super) fn alive(&mut self) -> bool {
        self.workers.iter_mut().all(|worker| worker.exited().is_none())
    }

    fn replace(&mut self, index: usize) {
        let successor = self.command.start();
        let dead = std::mem::replace(&mut self.workers[index], successor);
        self.buried += refusals(&dead);
    }

    /// Stops a worker's clock, so to say.
    pub(super) fn freeze(&self, index: usize) {
        self.workers[index].signal(Signal::SIGSTOP);
    }

    /// Lets a frozen worker go on.
    pub(super) fn thaw(&self, index: usize) {
        self.workers[index].signal(Signal::SIGCONT);
    }

    /// Returns how many late writes were refused, as the workers told.
    pub(super) fn fenced(&self) -> usize {
        self.buried + self.workers.iter().map(refusals).sum::<usize>()
    }

    /// Waits until `n` late writes were refused.
    pub(super) async fn refuses(&self, n: usize, limit: Duration) {
        eventually(format!("{n} late writes are refused"), limit, async || match self.fenced() {
            seen if seen >= n => Ok(()),
            seen => Err(seen),
        })
        .await;
    }
}

fn refusals(process: &Process) -> usize {
    process.log().matches(FENCED).count()
}

/// A job that enters one line in `ledger`.
pub(super) fn entry(ledger: &LedgerServer) -> Ledger {
    Ledger {
        url: ledger.url.clone(),
        entry_id: Uuid::new_v4(),
        record: Record::Inside,
        pause: None,
        mistake: None,
    }
}

/// Enqueues `n` jobs like `like`, every second one recorded by the queue rather than by its
/// handler; returns what they will enter.
pub(super) async fn enqueue_like(pool: &PgPool, like: &Ledger, n: usize) -> Vec<Uuid> {
    let jobs: Vec<Ledger> = (0..n)
        .map(|i| Ledger {
            entry_id: Uuid::new_v4(),
            record: if i % 2 == 0 { Record::Inside } else { Record::Flushed },
            ..like.clone()
        })
        .collect();
    let mut conn = pool.acquire().await.expect("a connection");
    for page in jobs.chunks(1000) {
        enqueue_many(&mut conn, page, &Enqueue::default()).await.expect("the jobs are enqueued");
    }
    jobs.iter().map(|job| job.entry_id).collect()
}

/// Enqueues one job; returns its id.
pub(super) async fn put<J: jobs::Job>(pool: &PgPool, job: &J) -> Uuid {
    let mut conn = pool.acquire().await.expect("a connection");
    enqueue(&mut conn, job, Enqueue::default()).await.expect("the job is enqueued").job_id
}

/// How the jobs that are finished ended.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Ends {
    pub(super) rows: i64,
    pub(super) jobs: i64,
    pub(super) completed: i64,
    pub(super) failures: i64,
    pub(super) crashes: i64,
    pub(super) unfinished: i64,
}

/// Counts how the jobs of `queue` ended, and those that have not.
pub(super) async fn ends(pool: &PgPool, queue: &str) -> sqlx::Result<Ends> {
    sqlx::query_as(
        "select count(*) as rows, count(distinct job_id) as jobs,
                count(*) filter (where state = 'completed') as completed,
                coalesce(sum(failures), 0) as failures, coalesce(sum(crashes), 0) as crashes,
                (select count(*) from queue.jobs where queue = $1) as unfinished
           from queue.finished
          where queue = $1",
    )
    .bind(queue)
    .fetch_one(pool)
    .await
}

/// Waits until no job of `queue` is unfinished.
pub(super) async fn drained(pool: &PgPool, queue: &str, limit: Duration) {
    eventually(format!("{queue} is drained"), limit, async || match ends(pool, queue).await {
        Ok(ends) if ends.unfinished == 0 => Ok(()),
        Ok(ends) => {
            let states: Vec<(String, i64, i32)> = sqlx::query_as(
                "select state::text, count(*), max(crashes) from queue.jobs where queue = $1 group by 1",
            )
            .bind(queue)
            .fetch_all(pool)
            .await
            .unwrap_or_default();
            Err(format!("{ends:?} {states:?}"))
        }
        Err(error) => Err(error.to_string()),
    })
    .await;
}

/// The promise: each of `entries` is in the ledger once, each job finished once, none is left.
pub(super) async fn assert_once(pool: &PgPool, ledger: &LedgerServer, entries: &[Uuid]) {
    assert_eq!(ledger.verdict(entries), Verdict::default(), "the ledger is not what was asked for");
    let ends = ends(pool, "ledger").await.expect("the database answers");
    let n = i64::try_from(entries.len()).expect("a small number");
    assert_eq!((ends.rows, ends.jobs, ends.completed, ends.unfinished), (n, n, n, 0), "{ends:?}");
}
