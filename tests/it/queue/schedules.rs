//! Schedules: ticks become jobs, once each.

use suites::{TestApp, eventually};
use uuid::Uuid;

use super::LIMIT;

async fn add(
    app: &TestApp,
    name: &str,
    cron: &str,
    misfire: &str,
    next_tick: Option<&str>,
    payload: &str,
) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into queue.schedules (schedule_id, name, cron, queue, kind, payload, misfire, next_tick)
         values ($1, $2, $3, 'default', 'exercise', $4::jsonb, $5, $6::timestamptz)",
    )
    .bind(id)
    .bind(name)
    .bind(cron)
    .bind(payload)
    .bind(misfire)
    .bind(next_tick)
    .execute(&app.pool)
    .await
    .expect("added");
    id
}

async fn made(app: &TestApp, id: Uuid) -> i64 {
    sqlx::query_scalar(
        "select (select count(*) from queue.jobs where unique_key like 'schedule:' || $1::text || ':%')
              + (select count(*) from queue.finished where unique_key like 'schedule:' || $1::text || ':%')",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .expect("counted")
}

#[tokio::test]
async fn a_schedule_ticks_every_second_once_with_three_candidates() {
    let app = TestApp::builder().workers(3).start().await;
    let id = add(&app, "each second", "* * * * * *", "latest", None, r#"{"act": "succeed"}"#).await;
    eventually("five ticks have run", LIMIT, async || made(&app, id).await >= 5).await;
    let (ticks, keys): (i64, i64) = sqlx::query_as(
        "select count(*), count(distinct unique_key) from queue.finished where unique_key like 'schedule:%'",
    )
    .fetch_one(&app.pool)
    .await
    .expect("counted");
    assert_eq!(ticks, keys, "no tick twice");
}

#[tokio::test]
async fn missed_ticks_are_made_up_for_as_the_policy_says() {
    let app = TestApp::builder().workers(1).start().await;
    let long_ago = Some("2026-01-01T00:00:00Z");
    let yearly = "0 0 1 1 *";
    let skip = add(&app, "skip", yearly, "skip", long_ago, "{}").await;
    let latest = add(&app, "latest", yearly, "latest", long_ago, r#"{"act": "succeed"}"#).await;
    let paused = add(&app, "paused", yearly, "latest", long_ago, "{}").await;
    sqlx::query("update queue.schedules set paused = true where schedule_id = $1")
        .bind(paused)
        .execute(&app.pool)
        .await
        .expect("paused");
    eventually("both moved on", LIMIT, async || {
        sqlx::query_scalar::<_, i64>("select count(*) from queue.schedules where next_tick > now()")
            .fetch_one(&app.pool)
            .await
            .expect("counted")
            >= 2
    })
    .await;
    assert_eq!(made(&app, skip).await, 0);
    assert_eq!(made(&app, latest).await, 1);
}

#[tokio::test]
async fn a_tick_is_left_out_while_the_earlier_one_still_runs() {
    let app = TestApp::builder().workers(1).start().await;
    let id = add(&app, "slow", "* * * * * *", "latest", None, r#"{"act": "work", "ms": 60000}"#).await;
    eventually("it has ticked some times", LIMIT, async || {
        sqlx::query_scalar::<_, bool>(
            "select last_tick > created_at + interval '3 s' from queue.schedules where schedule_id = $1",
        )
        .bind(id)
        .fetch_one(&app.pool)
        .await
        .ok()
    })
    .await;
    eventually("and ticked on", LIMIT, async || {
        sqlx::query_scalar::<_, Option<bool>>(
            "select last_tick > created_at + interval '4 s' from queue.schedules where schedule_id = $1",
        )
        .bind(id)
        .fetch_one(&app.pool)
        .await
        .expect("read")
        .unwrap_or(false)
    })
    .await;
    assert_eq!(made(&app, id).await, 1);
}
