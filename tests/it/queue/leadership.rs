//! One leader a role, a new term each time.

use suites::{TestApp, eventually};
use uuid::Uuid;

use super::LIMIT;

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
