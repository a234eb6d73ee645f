//! A process whose supervisor was killed stops, though nobody reads any more what it writes.

use std::time::Duration;

use suites::{Capstan, TestDatabase, eventually};

use super::fleet::STARTED;

#[tokio::test(flavor = "multi_thread")]
async fn an_orphaned_worker_stops_by_itself() {
    let database = TestDatabase::create().await;
    let mut worker = Capstan::worker(database.url()).start_unread();
    eventually("the worker has begun", STARTED, async || {
        let present = sqlx::query_scalar("select exists (select from queue.workers where pid = $1)");
        let pid = i32::try_from(worker.id()).expect("process ids are below 2^22");
        present.bind(pid).fetch_one(&database.pool).await.unwrap_or(false)
    })
    .await;
    worker.abandon();
    let status = worker.ended(Duration::from_secs(30)).await;
    assert!(status.success(), "its end is no failure: {status}");
}
