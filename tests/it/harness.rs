//! What the suites stand on holds.

use std::time::Duration;

use reqwest::StatusCode;
use sqlx::PgPool;
use suites::{TestApp, TestDatabase, eventually, requests};

async fn tables(pool: &PgPool) -> i64 {
    let count = sqlx::query_scalar("select count(*) from pg_tables where schemaname in ('public', 'queue')");
    count.fetch_one(pool).await.expect("the database answers")
}

#[tokio::test]
async fn a_test_has_a_migrated_database_of_its_own() {
    let (one, two) = tokio::join!(TestDatabase::create(), TestDatabase::create());
    assert!(tables(&one.pool).await > 10, "the migrations have run");
    sqlx::query("drop table events").execute(&one.pool).await.expect("a test may do as it likes");
    assert_eq!(tables(&one.pool).await + 1, tables(&two.pool).await);
}

#[tokio::test]
async fn a_database_is_gone_with_its_owner() {
    let keeper = TestDatabase::create().await;
    let database = TestDatabase::create().await;
    let name: String =
        sqlx::query_scalar("select current_database()").fetch_one(&database.pool).await.expect("it answers");
    drop(database);
    let left: i64 = sqlx::query_scalar("select count(*) from pg_database where datname = $1")
        .bind(&name)
        .fetch_one(&keeper.pool)
        .await
        .expect("it answers");
    assert_eq!(left, 0, "{name} is still there");
}

#[tokio::test]
async fn a_wait_ends_with_the_value_as_soon_as_there_is_one() {
    let mut asked = 0;
    let value = eventually("the third answer", Duration::from_secs(30), async || {
        asked += 1;
        (asked == 3).then_some(asked)
    })
    .await;
    assert_eq!(value, 3);
}

#[tokio::test]
#[should_panic(expected = "in vain for: a wonder")]
async fn a_wait_in_vain_says_for_what() {
    let never = async || Err::<(), _>("no wonder");
    eventually("a wonder", Duration::from_millis(50), never).await;
}

#[tokio::test]
#[should_panic(expected = "last seen: no answer came")]
async fn a_probe_that_hangs_does_not_hang_the_wait() {
    eventually("an answer", Duration::from_millis(50), std::future::pending::<bool>).await;
}

#[tokio::test]
async fn an_app_runs_what_its_user_asks_for_and_stops() {
    let mut app = TestApp::builder().workers(1).config(|config| config.backtest.reuse = false).start().await;
    let user = app.signed_up().await;
    let (status, run, _) = user.post("/api/backtests", &requests::report_backtest()).await;
    assert_eq!((status, &run["status"]), (StatusCode::OK, &"QUEUED".into()), "{run}");
    let path = format!("/api/backtests/{}", run["id"].as_str().expect("a run has an id"));
    eventually("the run is done", Duration::from_mins(1), async || {
        let (_, run, _) = user.get(&path).await;
        if run["status"] == "DONE" { Ok(()) } else { Err(run) }
    })
    .await;
    // A job is counted after its outcome is in the database, where the API reads it.
    eventually("the job is counted", Duration::from_mins(1), async || {
        let counted = app.counters[0].finished_total();
        if counted > 0 { Ok(()) } else { Err(counted) }
    })
    .await;
    app.stop().await;
    let ended: i64 = sqlx::query_scalar(
        "select (select count(*) from queue.finished) + (select count(*) from queue.attempts)",
    )
    .fetch_one(&app.pool)
    .await
    .expect("the database answers");
    let ended = u64::try_from(ended).expect("a count is not negative");
    assert!(app.counters[0].finished_total() <= ended, "no attempt is counted twice");
}

#[tokio::test]
async fn two_users_have_two_sessions() {
    let app = TestApp::start().await;
    let (one, two) = tokio::join!(app.signed_up(), app.signed_up());
    for user in [one, two] {
        let (status, me, _) = user.get("/api/user").await;
        assert_eq!(status, StatusCode::OK, "{me}");
        assert_eq!((&me["id"], &me["username"]), (&user.user_id.into(), &user.username.into()));
    }
    let anonymous = app.client().get(format!("{}/api/user", app.url)).send().await.expect("the API answers");
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
}
