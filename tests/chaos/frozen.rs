//! A worker frozen between its effect and its record, for longer than its lease (C2).

use std::time::Duration;

use jobs::kinds::ledger::{Ledger, Pause, Place, Record};
use sqlx::Connection;
use suites::{LedgerOptions, LedgerServer, TestDatabase, eventually};
use uuid::Uuid;

use super::{
    fleet::{self, Fleet, LEASE, assert_once, enqueue_like, entry},
    tier::sized,
};

const LIMIT: Duration = Duration::from_mins(1);

/// The worker has to be frozen within the pause, and the pause is over before it is thawed.
fn paused(ledger: &LedgerServer, attempts: i32) -> Ledger {
    Ledger { pause: Some(Pause { place: Place::BeforeRecord, ms: 2500, attempts }), ..entry(ledger) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_frozen_worker_writes_late_is_refused() {
    for round in 0..sized(1, 10) {
        let n = 6;
        let database = TestDatabase::create().await;
        let ledger = LedgerServer::start(LedgerOptions::default()).await;
        let mut fleet = Fleet::new(database.url(), "ledger=10").with(1).await;
        let entries = enqueue_like(&database.pool, &paused(&ledger, 1), n).await;
        eventually("every first attempt has had its effect", LIMIT, async || {
            if ledger.len() == n { Ok(()) } else { Err(ledger.len()) }
        })
        .await;
        fleet.freeze(0);
        let frozen = tokio::time::Instant::now();
        fleet = fleet.with_another().await;
        fleet::drained(&database.pool, "ledger", LIMIT).await;
        tokio::time::sleep_until(frozen + LEASE * 3 / 2).await;
        fleet.thaw(0);
        fleet.refuses(n, LIMIT).await;
        assert_once(&database.pool, &ledger, &entries).await;
        let second: i64 =
            sqlx::query_scalar("select count(*) from queue.finished where attempt = 2 and crashes = 1")
                .fetch_one(&database.pool)
                .await
                .expect("the database answers");
        assert_eq!(usize::try_from(second), Ok(n), "round {round}: the others' attempts finished them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_fence_a_late_write_would_finish_anothers_attempt() {
    let database = TestDatabase::create().await;
    let ledger = LedgerServer::start(LedgerOptions::default()).await;
    let mut fleet = Fleet::new(database.url(), "ledger=1").with(1).await;
    // Each attempt is long enough to look at.
    let pause = Pause { place: Place::BeforeRecord, ms: 15_000, attempts: 2 };
    let job = Ledger { pause: Some(pause), record: Record::Flushed, ..entry(&ledger) };
    let job_id = fleet::put(&database.pool, &job).await;
    let held = async |attempt: i32| -> Option<Uuid> {
        sqlx::query_scalar(
            "select lease_token from queue.jobs where job_id = $1 and attempt = $2 and state = 'running'",
        )
        .bind(job_id)
        .bind(attempt)
        .fetch_optional(&database.pool)
        .await
        .expect("the database answers")
    };
    let stale = eventually("the first attempt runs", LIMIT, async || held(1).await).await;
    fleet.kill(0);
    let live = eventually("the second attempt runs", LIMIT, async || held(2).await).await;

    let mut conn = database.pool.acquire().await.expect("a connection");
    let mut finish = async |condition: &str| -> u64 {
        let mut tx = conn.begin().await.expect("a transaction");
        let statement =
            format!("delete from queue.jobs where job_id = '{job_id}' and state = 'running' {condition}");
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *tx).await;
        let rows = done.expect("the statement is sound").rows_affected();
        tx.rollback().await.expect("rolled back");
        rows
    };
    assert_eq!(finish("").await, 1, "without a fence the first attempt finishes the second one's job");
    assert_eq!(finish(&format!("and attempt = 1 and lease_token = '{stale}'")).await, 0);
    assert_eq!(finish(&format!("and attempt = 2 and lease_token = '{live}'")).await, 1);
}
