//! One leader a role, a new term each time.

use jobs::{kinds::exercise::Act, queue::settle};
use suites::{TestApp, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    LIMIT, act, begun,
    claiming::{worker, workers},
    job,
};

async fn leader(app: &TestApp) -> Option<(i64, Uuid)> {
    sqlx::query_as("select term, holder from queue.leadership where role = 'scheduler'")
        .fetch_optional(&app.pool)
        .await
        .expect("read")
}

#[tokio::test]
async fn another_takes_over_in_a_new_term_when_the_leaders_connection_dies() {
    let app = TestApp::builder().workers(3).start().await;
    let (mut term, _) = eventually("there is a leader", LIMIT, async || leader(&app).await).await;
    for _ in 0..3 {
        // Only the leaders' own connections hold advisory locks for longer than a statement.
        let killed = sqlx::query(
            "select pg_terminate_backend(l.pid)
               from pg_locks l
              where l.locktype = 'advisory' and l.objsubid = 2
                and l.database = (select oid from pg_database where datname = current_database())",
        )
        .execute(&app.pool)
        .await
        .expect("terminated");
        assert!(killed.rows_affected() >= 1);
        let next = eventually("a new term began", LIMIT, async || {
            leader(&app).await.filter(|(number, _)| *number > term)
        })
        .await;
        assert!(next.0 > term, "terms never go back");
        term = next.0;
    }
}

#[tokio::test]
async fn a_stopping_leader_hands_over_at_once() {
    let mut first = TestApp::builder().workers(1).start().await;
    let (term, holder) = eventually("there is a leader", LIMIT, async || leader(&first).await).await;
    first.stop().await;
    first.start_worker_anew();
    let (next, other) = eventually("the other leads", LIMIT, async || {
        leader(&first).await.filter(|(number, _)| *number > term)
    })
    .await;
    assert!(next == term + 1 && other != holder);
}

#[tokio::test]
async fn each_role_is_held_on_a_connection_of_its_own() {
    let app = TestApp::builder().workers(2).start().await;
    eventually("every role has its one connection", LIMIT, async || {
        let (roles, locks, sessions): (i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from queue.leadership), count(*), count(distinct pid)
               from pg_locks
              where locktype = 'advisory' and objsubid = 2 and granted
                and database = (select oid from pg_database where datname = current_database())",
        )
        .fetch_one(&app.pool)
        .await
        .expect("read");
        if roles >= 3 && locks == roles && sessions == roles { Ok(()) } else { Err((roles, locks, sessions)) }
    })
    .await;
}

#[tokio::test]
async fn a_leader_that_drains_hands_over_before_its_last_job_is_done() {
    let app = TestApp::builder().config(|config| config.queue.lease_ms = 30_000).start().await;
    let (stops, stays) = (CancellationToken::new(), CancellationToken::new());
    let draining = worker(&app, &stops);
    let id = act(&app, Act::Work { ms: 28_000 }).await;
    let (term, holder) = eventually("there is a leader", LIMIT, async || leader(&app).await).await;
    assert_eq!(begun(&app, id).await.worker_id, Some(holder), "there is one worker only");
    let other = worker(&app, &stays);
    workers(&app, 2).await;
    stops.cancel();
    let (next, successor) = eventually("the other leads", LIMIT, async || {
        leader(&app).await.filter(|(number, _)| *number > term)
    })
    .await;
    assert!(next == term + 1 && successor != holder);
    let still = job(&app, id).await.expect("it is there");
    assert_eq!((still.state.as_str(), still.worker_id), ("running", Some(holder)));
    let mut conn = app.pool.acquire().await.expect("a connection");
    settle::cancel(&mut conn, id, "the test is over").await.expect("asked");
    stays.cancel();
    for stopping in [draining, other] {
        stopping.await.expect("no panic");
    }
}
