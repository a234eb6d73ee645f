//! How many connections a worker process needs.

use std::time::Duration;

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, enqueue_many},
};
use suites::{Capstan, TestDatabase, eventually};

/// A process of a debug build, on a machine busy with other tests.
const LIMIT: Duration = Duration::from_mins(1);
const HANDLERS: i64 = 60;
/// The pool of a process, its renewals and outcomes, its listener, its leaders.
const MOST: i64 = 16 + 3 + 1 + 4;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_handlers_share_two_dozen_connections() {
    let database = TestDatabase::create().await;
    let work = Exercise { act: Act::Work { ms: 29_000 }, ..Exercise::default() };
    let jobs = vec![work; usize::try_from(HANDLERS).expect("a small number")];
    let mut conn = database.pool.acquire().await.expect("a connection");
    enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    let _worker = Capstan::worker(database.url())
        .env("CAPSTAN__WORKER__QUEUES__DEFAULT", &HANDLERS.to_string())
        .env("CAPSTAN__QUEUE__LEASE_MS", "20000")
        .start();
    let used = eventually("all handlers are at work", LIMIT, async || {
        let (at_work, used): (i64, i64) = sqlx::query_as(
            "select (select count(*) from queue.jobs where state = 'running' and progress is not null),
                    (select count(*) from pg_stat_activity
                      where datname = current_database() and application_name like 'capstan worker%')",
        )
        .fetch_one(&database.pool)
        .await
        .expect("counted");
        if at_work == HANDLERS { Ok(used) } else { Err((at_work, used)) }
    })
    .await;
    assert!((1..=MOST).contains(&used), "{used} connections");
}
