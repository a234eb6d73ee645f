//! Single enqueues of many callers, gathered into one statement.
//!
//! For callers without a transaction of their own: a job that belongs to a row is enqueued in that
//! row's transaction, see [`super::enqueue`]. While one batch is on its way the next one gathers;
//! when nothing is on its way a job goes at once, so nobody waits for company.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use super::{
    Enqueue, EnqueueError, Enqueued, Hints,
    enqueue::{Entry, RawJob, insert, insert_entries, raw},
    transient::passes,
};
use crate::job::Job;

/// Most jobs of one statement.
const BATCH: usize = 256;
/// Jobs that may wait for the next statements before callers do.
const WAITING: usize = 4 * BATCH;
/// The longest that one statement may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Enqueues jobs together with those of other callers; clones share the batches.
///
/// A job whose unique key an open transaction holds waits for its end, and its batch with it.
/// Jobs with a unique key have batches of their own, so that the others never wait for that;
/// those with a FIFO key or predecessors go alone.
#[derive(Debug, Clone)]
pub struct Enqueuer {
    pool: PgPool,
    hints: Hints,
    keyless: mpsc::Sender<Request>,
    keyed: mpsc::Sender<Request>,
}

/// The tasks of an [`Enqueuer`].
#[derive(Debug)]
pub struct Gathering(JoinSet<()>);

impl Gathering {
    /// Waits until every handle is gone and all that they were given is committed or refused.
    pub async fn drained(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

#[derive(Debug)]
struct Request {
    entry: Entry,
    answer: oneshot::Sender<Result<Enqueued, EnqueueError>>,
}

impl Enqueuer {
    /// Starts the tasks on `pool`, of which each uses a connection at a time; call it inside a
    /// tokio runtime. They end when the last handle is gone, or with the [`Gathering`].
    pub fn start(pool: PgPool, hints: Hints) -> (Self, Gathering) {
        let mut tasks = JoinSet::new();
        let mut lane = || {
            let (sender, receiver) = mpsc::channel(WAITING);
            tasks.spawn(gather(pool.clone(), hints.clone(), receiver));
            sender
        };
        let (keyless, keyed) = (lane(), lane());
        (Self { pool, hints, keyless, keyed }, Gathering(tasks))
    }

    /// Enqueues `job`; returns after the durable commit, as [`super::enqueue`] does.
    ///
    /// Dropping the future does not take the job back. Hints are sent.
    pub async fn enqueue<J: Job>(&self, job: &J, options: Enqueue) -> Result<Enqueued, EnqueueError> {
        let job = raw(job, &options)?;
        let alone = job.fifo_key.is_some() || !options.after.is_empty();
        if alone {
            return insert_alone(&self.pool, &self.hints, job, options).await;
        }
        let job_id = options.job_id.unwrap_or_else(Enqueue::new_id);
        let lane = if job.unique_key.is_some() { &self.keyed } else { &self.keyless };
        let (answer, answered) = oneshot::channel();
        let entry = Entry { job_id, job, options: options.id(job_id), turn: None };
        lane.send(Request { entry, answer }).await.map_err(|_| EnqueueError::Closed)?;
        answered.await.unwrap_or(Err(EnqueueError::Closed))
    }
}

async fn gather(pool: PgPool, hints: Hints, mut requests: mpsc::Receiver<Request>) {
    let mut batch = Vec::with_capacity(BATCH);
    while requests.recv_many(&mut batch, BATCH).await > 0 {
        commit(&pool, &hints, batch.drain(..)).await;
    }
}

/// Commits a batch in one statement; what that left out or refused is settled one by one.
async fn commit(pool: &PgPool, hints: &Hints, batch: impl Iterator<Item = Request>) {
    let (entries, answers): (Vec<_>, Vec<_>) = batch.map(|Request { entry, answer }| (entry, answer)).unzip();
    let inserting = async { insert_entries(&mut *pool.acquire().await?, &entries).await };
    let inserted = match timeout(LIMIT, inserting).await {
        Ok(Ok(inserted)) => inserted,
        // One of them is refused: alone, each shows which.
        Ok(Err(error)) if !passes(&error) => Vec::new(),
        Ok(Err(error)) => return refuse(answers, error),
        Err(_) => return refuse(answers, unanswered()),
    };
    for (entry, answer) in entries.into_iter().zip(answers) {
        let Entry { job_id, job, options, .. } = entry;
        let result = if inserted.contains(&job_id) {
            hint(hints, &job.queue, job.limit_key.is_some());
            Ok(Enqueued { job_id, inserted: true })
        } else {
            insert_alone(pool, hints, job, options).await
        };
        // Nobody listens when the caller is gone.
        let _ = answer.send(result);
    }
}

fn refuse(answers: Vec<oneshot::Sender<Result<Enqueued, EnqueueError>>>, error: sqlx::Error) {
    let error = Arc::new(error);
    for answer in answers {
        let _ = answer.send(Err(EnqueueError::Batch(error.clone())));
    }
}

fn unanswered() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {LIMIT:?}")))
}

async fn insert_alone(
    pool: &PgPool,
    hints: &Hints,
    job: RawJob,
    options: Enqueue,
) -> Result<Enqueued, EnqueueError> {
    let queue = job.queue.clone();
    let gated = job.fifo_key.is_some() || job.limit_key.is_some() || !options.after.is_empty();
    let inserting = async { insert(&mut *pool.acquire().await?, job, options).await };
    let enqueued = timeout(LIMIT, inserting).await.map_err(|_| EnqueueError::Database(unanswered()))??;
    if enqueued.inserted {
        hint(hints, &queue, gated);
    }
    Ok(enqueued)
}

fn hint(hints: &Hints, queue: &str, gated: bool) {
    hints.jobs(queue);
    if gated {
        hints.admissions();
    }
}
