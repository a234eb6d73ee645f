//! Schedules: what is owed, what may overlap, and who may enqueue it.

use suites::{TestApp, eventually};
use uuid::Uuid;

use super::LIMIT;

/// Adds a schedule of the kind `exercise`; `next_tick` is SQL.
async fn add(
    app: &TestApp,
    cron: &str,
    policies: (&str, &str),
    next_tick: &'static str,
    payload: &str,
) -> Uuid {
    let id = Uuid::now_v7();
    let statement = format!(
        "insert into queue.schedules (schedule_id, name, cron, queue, kind, payload, misfire, overlap, next_tick)
         values ($1, $1::text, $2, 'default', 'exercise', $3::jsonb, $4, $5, {next_tick})"
    );
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(id)
        .bind(cron)
        .bind(payload)
        .bind(policies.0)
        .bind(policies.1)
        .execute(&app.pool)
        .await
        .expect("added");
    id
}

/// Returns how many jobs the schedule has made, and how many of them still wait or run.
async fn made(app: &TestApp, id: Uuid) -> (i64, i64) {
    sqlx::query_as(
        "select (select count(*) from queue.jobs where unique_key like 'schedule:' || $1::text || ':%')
              + (select count(*) from queue.finished where unique_key like 'schedule:' || $1::text || ':%'),
                (select count(*) from queue.jobs where unique_key like 'schedule:' || $1::text || ':%')",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .expect("counted")
}

#[tokio::test]
async fn all_missed_ticks_are_made_up_for_where_the_policy_says_so() {
    let app = TestApp::builder().workers(1).start().await;
    let long_ago = "date_trunc('hour', now()) - interval '4 hours'";
    let id = add(&app, "0 * * * *", ("all", "allow"), long_ago, r#"{"act": "succeed"}"#).await;
    let owed: i64 = eventually("it has moved on", LIMIT, async || {
        sqlx::query_scalar::<_, Option<i64>>(
            "select 1 + (extract(epoch from last_tick - (next_tick - interval '5 hours')) / 3600)::bigint
               from queue.schedules where schedule_id = $1 and last_tick is not null and next_tick > now()",
        )
        .bind(id)
        .fetch_optional(&app.pool)
        .await
        .expect("read")
        .flatten()
    })
    .await;
    // Five, one for each full hour since; six when the hour has just struck.
    assert!((5..=6).contains(&owed), "{owed}");
    let (ticks, _) = made(&app, id).await;
    assert!((5..=6).contains(&ticks), "{ticks} ticks of five hours");
}

#[tokio::test]
async fn ticks_overlap_where_the_schedule_allows_it() {
    let app = TestApp::builder().workers(1).start().await;
    let slow = r#"{"act": "work", "ms": 60000}"#;
    let id = add(&app, "* * * * * *", ("latest", "allow"), "null", slow).await;
    eventually("three are unfinished at once", LIMIT, async || {
        let (_, unfinished) = made(&app, id).await;
        if unfinished >= 3 { Ok(()) } else { Err(unfinished) }
    })
    .await;
}

#[tokio::test]
async fn a_paused_schedule_makes_nothing() {
    let mut app = TestApp::start().await;
    let paused = add(&app, "* * * * * *", ("all", "allow"), "now() - interval '1 hour'", "{}").await;
    sqlx::query("update queue.schedules set paused = true where schedule_id = $1")
        .bind(paused)
        .execute(&app.pool)
        .await
        .expect("paused");
    app.start_worker();
    let live = add(&app, "* * * * * *", ("latest", "allow"), "null", r#"{"act": "succeed"}"#).await;
    eventually("another ticks", LIMIT, async || made(&app, live).await.0 >= 2).await;
    assert_eq!(made(&app, paused).await, (0, 0));
}

#[tokio::test]
async fn a_leader_whose_term_was_raised_stands_down_and_ticks_no_more_under_it() {
    let app = TestApp::builder().workers(1).start().await;
    let id = add(&app, "* * * * * *", ("latest", "allow"), "null", r#"{"act": "succeed"}"#).await;
    eventually("it ticks", LIMIT, async || made(&app, id).await.0 >= 1).await;
    let other = Uuid::new_v4();
    let raised: i64 = sqlx::query_scalar(
        "update queue.leadership set term = term + 1, holder = $1 where role = 'scheduler' returning term",
    )
    .bind(other)
    .fetch_one(&app.pool)
    .await
    .expect("raised");
    let (term, holder): (i64, Uuid) = eventually("the worker stands again", LIMIT, async || {
        sqlx::query_as("select term, holder from queue.leadership where role = 'scheduler' and term > $1")
            .bind(raised)
            .fetch_optional(&app.pool)
            .await
            .expect("read")
    })
    .await;
    assert!(term == raised + 1 && holder != other, "it noticed, and leads in a term of its own");
    let (so_far, _) = made(&app, id).await;
    eventually("it ticks on", LIMIT, async || made(&app, id).await.0 > so_far).await;
}

#[tokio::test]
async fn a_tick_that_another_leader_has_enqueued_already_is_not_enqueued_again() {
    let mut app = TestApp::start().await;
    let id = add(&app, "0 0 1 1 *", ("latest", "allow"), "date_trunc('year', now())", "{}").await;
    sqlx::query(
        "insert into queue.jobs (job_id, queue, kind, payload, state, run_at, unique_key)
         select gen_random_uuid(), 'elsewhere', 'exercise', '{}', 'available', now(),
                'schedule:' || schedule_id || ':' || extract(epoch from next_tick)::bigint
           from queue.schedules where schedule_id = $1",
    )
    .bind(id)
    .execute(&app.pool)
    .await
    .expect("the other leader's job");
    app.start_worker();
    eventually("the schedule has moved on", LIMIT, async || {
        sqlx::query_scalar::<_, bool>("select next_tick > now() from queue.schedules where schedule_id = $1")
            .bind(id)
            .fetch_one(&app.pool)
            .await
            .expect("read")
    })
    .await;
    assert_eq!(made(&app, id).await, (1, 1));
}
