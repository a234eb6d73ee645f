//! A database that is away is waited for: by the API for a moment, by the workers for ever.

use std::time::{Duration, Instant};

use jobs::{
    kinds::exercise::Exercise,
    queue::{Enqueue, enqueue},
};
use reqwest::StatusCode;
use sqlx::{Connection, PgConnection};
use suites::{Capstan, PrivateCluster, Process, SignedIn, eventually};
use uuid::Uuid;

use super::fleet::STARTED;

/// The API's own wait for a connection (four seconds) and some work.
const ANSWERED: Duration = Duration::from_secs(12);
const RECOVERED: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn api_and_workers_survive_a_restart_of_the_database() {
    let mut cluster = PrivateCluster::start().await;
    let mut api = Capstan::api(&cluster.url()).start();
    let mut workers = [Capstan::worker(&cluster.url()).start(), Capstan::worker(&cluster.url()).start()];
    let user = SignedIn::sign_up(&api.url(STARTED).await).await;
    for worker in &mut workers {
        worker.says("serves", STARTED).await;
    }
    completes(&cluster).await;

    cluster.stop().await;
    for path in ["/api/strategies", "/api/user", "/health/ready"] {
        let asked = Instant::now();
        let (status, body, _) = user.get(path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {body}");
        assert!(asked.elapsed() < ANSWERED, "{path} took {:?}", asked.elapsed());
    }
    let (status, body, _) = user.get("/health/live").await;
    assert_eq!(status, StatusCode::OK, "the process itself lives: {body}");

    cluster.start_again().await;
    eventually("the API is back", RECOVERED, async || {
        let (status, body, _) = user.get("/api/strategies").await;
        if status == StatusCode::OK { Ok(()) } else { Err((status, body)) }
    })
    .await;
    completes(&cluster).await;
    let alive = |process: &mut Process| process.exited().is_none();
    assert!(alive(&mut api) && workers.iter_mut().all(alive), "a process ended with the database");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_started_without_a_database_says_so_and_begins_when_it_comes() {
    let mut cluster = PrivateCluster::start().await;
    cluster.stop().await;
    let mut worker = Capstan::worker(&cluster.url()).start();
    worker.says("waiting for the database", STARTED).await;
    cluster.start_again().await;
    worker.says("serves", RECOVERED).await;
    completes(&cluster).await;
    assert!(worker.exited().is_none());
}

/// Enqueues a job and waits until it is completed.
async fn completes(cluster: &PrivateCluster) {
    let mut conn = PgConnection::connect(&cluster.url()).await.expect("the server is up");
    let enqueued =
        enqueue(&mut conn, &Exercise::default(), Enqueue::default()).await.expect("the queue takes a job");
    eventually("the job is completed", RECOVERED, async || state(&mut conn, enqueued.job_id).await).await;
}

async fn state(conn: &mut PgConnection, job_id: Uuid) -> Result<(), String> {
    let state: Option<String> =
        sqlx::query_scalar("select state::text from queue.finished where job_id = $1")
            .bind(job_id)
            .fetch_optional(conn)
            .await
            .map_err(|error| error.to_string())?;
    if state.as_deref() == Some("completed") { Ok(()) } else { Err(format!("it is {state:?}")) }
}
