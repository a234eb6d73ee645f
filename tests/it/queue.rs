//! The queue, through its own kind `exercise` and real workers.
//!
//! [`promises`] lists every promise of the queue with the tests that judge it.

mod cancellation;
mod claiming;
mod comparison;
mod connections;
mod controls;
mod doubt;
mod enqueueing;
mod enqueuer;
mod gates;
mod hints;
mod history;
mod leadership;
mod leases;
mod limits;
mod outages;
mod outcomes;
mod promises;
mod schedules;
mod statements;
mod steps;
mod stopping;
mod tables;
mod ticks;
mod uniqueness;

use std::time::Duration;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{
        Enqueue, enqueue,
        inspect::{self, AttemptView, JobView},
    },
};
use suites::{TestApp, eventually};
use uuid::Uuid;

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_mins(1);

async fn put(app: &TestApp, job: Exercise, options: Enqueue) -> Uuid {
    let mut conn = app.pool.acquire().await.expect("a connection");
    enqueue(&mut conn, &job, options).await.expect("the job is enqueued").job_id
}

async fn act(app: &TestApp, act: Act) -> Uuid {
    put(app, Exercise { act, ..Exercise::default() }, Enqueue::default()).await
}

async fn job(app: &TestApp, id: Uuid) -> Option<JobView> {
    let mut conn = app.pool.acquire().await.expect("a connection");
    inspect::job(&mut conn, id).await.expect("the job is read")
}

async fn attempts(app: &TestApp, id: Uuid) -> Vec<AttemptView> {
    let mut conn = app.pool.acquire().await.expect("a connection");
    inspect::attempts(&mut conn, id).await.expect("the attempts are read")
}

/// Waits until the job's handler says how far it is: what is claimed has not begun yet.
async fn begun(app: &TestApp, id: Uuid) -> JobView {
    eventually(format!("the handler of job {id} is at work"), LIMIT, async || {
        let job = job(app, id).await.ok_or_else(|| "no such job".to_owned())?;
        if job.progress.is_some() { Ok(job) } else { Err(format!("{job:?}")) }
    })
    .await
}

/// Waits until the job is in `state`.
async fn reaches(app: &TestApp, id: Uuid, state: &str) -> JobView {
    eventually(format!("job {id} is {state}"), LIMIT, async || {
        let job = job(app, id).await.ok_or_else(|| "no such job".to_owned())?;
        if job.state == state { Ok(job) } else { Err(format!("{job:?}")) }
    })
    .await
}
