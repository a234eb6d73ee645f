//! How long the history is kept.

use sqlx::AssertSqlSafe;
use suites::{TestApp, eventually};

use super::LIMIT;

#[tokio::test]
async fn days_past_their_retention_are_dropped_whole() {
    let mut app = TestApp::builder().config(|config| config.queue.retention_days = 7).start().await;
    sqlx::raw_sql(
        "select queue.ensure_partitions((clock_timestamp() at time zone 'utc')::date - n)
           from unnest(array[6, 9, 40]) as n;
         insert into queue.attempts (job_id, attempt, ended_at, outcome)
         select gen_random_uuid(), n, clock_timestamp() - make_interval(days => n), 'crashed'
           from unnest(array[6, 9, 40]) as n;
         insert into queue.finished (job_id, queue, kind, payload, state, priority, attempt, failures, crashes,
                                     run_at, created_at, finished_at)
         select gen_random_uuid(), 'default', 'exercise', '{}', 'completed', 0, n, 0, 0, now(), now(),
                clock_timestamp() - make_interval(days => n)
           from unnest(array[6, 9, 40]) as n",
    )
    .execute(&app.pool)
    .await
    .expect("a history of forty days");
    app.start_worker();
    old_days_go(&app).await;
    let kept: (Vec<i32>, Vec<i32>) = sqlx::query_as(
        "select array(select attempt from queue.attempts), array(select attempt from queue.finished)",
    )
    .fetch_one(&app.pool)
    .await
    .expect("read");
    assert_eq!(kept, (vec![6], vec![6]));
}

/// Waits until no day before the last seven is left. The catalogue tells without a lock that the
/// drop would have to wait for.
async fn old_days_go(app: &TestApp) {
    eventually("the old days are gone from the catalogue", LIMIT, async || {
        let old: i64 = sqlx::query_scalar(
            "select count(*)
               from pg_class
              where relnamespace = 'queue'::regnamespace and relname ~ '^(finished|attempts)_[0-9]{8}$'
                and to_date(right(relname, 8), 'YYYYMMDD') < (clock_timestamp() at time zone 'utc')::date - 7",
        )
        .fetch_one(&app.pool)
        .await
        .expect("read");
        if old == 0 { Ok(()) } else { Err(old) }
    })
    .await;
}

#[tokio::test]
async fn dropping_old_days_does_not_deadlock_with_a_reader_of_both_tables() {
    for [one, other] in [["finished", "attempts"], ["attempts", "finished"]] {
        let mut app = TestApp::builder().config(|config| config.queue.retention_days = 7).start().await;
        sqlx::query("select queue.ensure_partitions((clock_timestamp() at time zone 'utc')::date - 40)")
            .execute(&app.pool)
            .await
            .expect("an old day");
        let mut reader = app.pool.begin().await.expect("a transaction");
        let count = |table| AssertSqlSafe(format!("select count(*) from queue.{table}"));
        sqlx::query(count(one)).execute(&mut *reader).await.expect("read");
        app.start_worker();
        eventually("the drop waits for the reader", LIMIT, async || {
            let waits: bool = sqlx::query_scalar(
                "select exists (select 1 from pg_locks
                                 where not granted and mode = 'AccessExclusiveLock'
                                   and database = (select oid from pg_database where datname = current_database()))",
            )
            .fetch_one(&app.pool)
            .await
            .expect("read");
            if waits { Ok(()) } else { Err("nobody waits") }
        })
        .await;
        sqlx::query(count(other))
            .execute(&mut *reader)
            .await
            .expect("nobody holds it who waits for this reader");
        reader.commit().await.expect("committed");
        old_days_go(&app).await;
    }
}
