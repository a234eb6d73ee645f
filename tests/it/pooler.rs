//! The product behind PgBouncer in transaction mode, with listening and leadership past it.
//!
//! The whole suite goes through it with `CAPSTAN_TEST_PGBOUNCER=1`.

use std::time::Duration;

use jobs::{
    config::Config,
    kinds::exercise::{Act, Exercise},
    queue::{CancelOutcome, Enqueue, Hints, enqueue, enqueue_many},
};
use reqwest::StatusCode;
use sqlx::PgPool;
use suites::{
    TestApp, TestAppBuilder, TestDatabase, eventually,
    pooler::{self, Kind},
    requests,
};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_mins(1);

/// `None`, said aloud, where no pooler of a sufficient version is installed.
fn builder() -> Option<TestAppBuilder> {
    match pooler::program() {
        Ok(_) => Some(TestApp::builder().pooled()),
        Err(why) => {
            eprintln!("NOT RUN through PgBouncer: {why}");
            None
        }
    }
}

/// A pool of the application's own, through the pooler.
fn pooled(app: &TestApp) -> PgPool {
    jobs::db::pool(&app.config.database, "test").expect("a URL")
}

async fn reaches(app: &TestApp, id: Uuid, state: &str) {
    eventually(format!("job {id} is {state}"), LIMIT, async || {
        let seen: Option<String> = sqlx::query_scalar(
            "select state::text from queue.jobs where job_id = $1
              union all
             select state::text from queue.finished where job_id = $1",
        )
        .bind(id)
        .fetch_optional(&app.pool)
        .await
        .expect("read");
        if seen.as_deref() == Some(state) { Ok(()) } else { Err(seen) }
    })
    .await;
}

/// The names of the sessions whose last statement is like `query`.
async fn sessions(app: &TestApp, query: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select application_name from pg_stat_activity
          where datname = current_database() and query ilike $1 and pid <> pg_backend_pid()
          order by application_name",
    )
    .bind(query)
    .fetch_all(&app.pool)
    .await
    .expect("read")
}

#[tokio::test]
async fn jobs_run_are_unique_and_are_cancelled_through_a_pooler() {
    let Some(builder) = builder() else { return };
    let app = builder.workers(2).start().await;
    let pool = pooled(&app);
    let jobs: Vec<_> = (0..300).map(|_| Exercise::default()).collect();
    let mut conn = pool.acquire().await.expect("a connection");
    let many = enqueue_many(&mut conn, &jobs, &Enqueue::default()).await.expect("enqueued");
    let keyed = || Exercise { act: Act::Fail { times: 1 }, unique: Some("k".into()), ..Exercise::default() };
    let first = enqueue(&mut conn, &keyed(), Enqueue::default()).await.expect("enqueued");
    let second = enqueue(&mut conn, &keyed(), Enqueue::default()).await.expect("answered");
    assert!(first.inserted && !second.inserted && first.job_id == second.job_id);
    let inside = Exercise { act: Act::CompleteInside, ..Exercise::default() };
    let inside = enqueue(&mut conn, &inside, Enqueue::default().fifo("K")).await.expect("enqueued");
    let long = Exercise { act: Act::Work { ms: 60_000 }, ..Exercise::default() };
    let long = enqueue(&mut conn, &long, Enqueue::default().fifo("K")).await.expect("enqueued");
    for id in [first.job_id, inside.job_id] {
        reaches(&app, id, "completed").await;
    }
    reaches(&app, long.job_id, "running").await;
    let outcome = jobs::cancel(&mut conn, long.job_id, "enough").await.expect("an answer");
    assert_eq!(outcome, CancelOutcome::Requested);
    reaches(&app, long.job_id, "cancelled").await;
    eventually("every job is finished once", LIMIT, async || {
        let done: (i64, i64) = sqlx::query_as(
            "select count(*), count(distinct job_id) from queue.finished
              where state = 'completed' and job_id = any($1)",
        )
        .bind(&many)
        .fetch_one(&app.pool)
        .await
        .expect("counted");
        if done == (300, 300) { Ok(()) } else { Err(done) }
    })
    .await;
    let fenced: u64 = app.counters.iter().map(|counters| counters.fenced_writes_total()).sum();
    assert_eq!(fenced, 0);
}

#[tokio::test]
async fn hints_and_leadership_go_past_the_pooler() {
    let Some(builder) = builder() else { return };
    let app = builder.workers(1).config(|config| config.queue.poll_interval_ms = 3_600_000).start().await;
    let pool = pooled(&app);
    eventually("the worker and the API listen", LIMIT, async || {
        let seen = sessions(&app, "listen %").await;
        if seen.len() == 2 { Ok(()) } else { Err(seen) }
    })
    .await;
    assert_eq!(sessions(&app, "listen %").await, ["capstan process direct", "capstan process direct"]);
    let hints = Hints::new(pool.clone());
    let mut conn = pool.acquire().await.expect("a connection");
    for _ in 0..5 {
        let job = enqueue(&mut conn, &Exercise::default(), Enqueue::default()).await.expect("enqueued");
        hints.jobs("default");
        reaches(&app, job.job_id, "completed").await;
    }
    let term = async || {
        sqlx::query_scalar::<_, i64>("select term from queue.leadership where role = 'scheduler'")
            .fetch_optional(&app.pool)
            .await
            .expect("read")
    };
    let before = eventually("there is a leader", LIMIT, async || term().await).await;
    let holders: Vec<String> = sqlx::query_scalar(
        "with holders as materialized (
             select distinct a.pid, a.application_name
               from pg_locks l
               join pg_stat_activity a using (pid)
              where l.locktype = 'advisory' and l.objsubid = 2
                and l.database = (select oid from pg_database where datname = current_database()))
         select application_name from holders where pg_terminate_backend(pid)",
    )
    .fetch_all(&app.pool)
    .await
    .expect("terminated");
    assert!(
        !holders.is_empty() && holders.iter().all(|name| name == "capstan process direct"),
        "{holders:?}"
    );
    eventually("a new term began", LIMIT, async || term().await.filter(|term| *term > before)).await;
}

#[tokio::test]
async fn a_user_is_served_through_a_pooler() {
    let Some(builder) = builder() else { return };
    let app = builder.workers(1).start().await;
    let user = app.signed_up().await;
    let (status, run, _) = user.post("/api/backtests", &requests::report_backtest()).await;
    assert_eq!(status, StatusCode::OK, "{run}");
    let path = format!("/api/backtests/{}", run["id"].as_str().expect("an id"));
    eventually("the run is over", LIMIT, async || {
        let (_, run, _) = user.get(&path).await;
        if run["status"] == "DONE" { Ok(()) } else { Err(run) }
    })
    .await;
}

#[tokio::test]
async fn a_pooler_that_was_not_told_of_or_forgets_statements_is_refused() {
    if builder().is_none() {
        return;
    }
    let database = TestDatabase::create().await;
    let url = database.url().to_owned();
    let forgetful = tokio::task::spawn_blocking(move || pooler::through(&url, Kind::Forgetful)).await;
    let forgetful = forgetful.expect("a pooler starts");
    let answers = async |url: &str, direct_url: Option<&str>, patience_ms| {
        let mut config = Config::for_profile("test", false).expect("the test profile is valid");
        config.database.url = Some(url.into());
        config.database.direct_url = direct_url.map(Into::into);
        config.database.acquire_timeout_ms = patience_ms;
        let pool = jobs::db::pool(&config.database, "test").expect("a URL");
        sqlx::query_scalar::<_, i32>("select 1").fetch_one(&pool).await.ok()
    };
    // A second is enough for several tries, of which the first says what the others would.
    assert_eq!(answers(&forgetful, None, 1_000).await, None, "it swallows the settings of the session");
    assert_eq!(answers(&forgetful, Some(database.url()), 1_000).await, None, "it mixes up the statements");
    assert_eq!(answers(database.url(), None, 30_000).await, Some(1), "the server itself is fine");
}
