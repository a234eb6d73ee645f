//! Steering queues at run time.

use jobs::kinds::exercise::{Act, Exercise};
use jobs::queue::Enqueue;
use suites::{TestApp, eventually};

use super::{LIMIT, act, job, put, reaches};

async fn set(app: &TestApp, paused: bool, concurrency: Option<i32>) {
    sqlx::query(
        "insert into queue.queues (queue, paused, concurrency) values ('default', $1, $2)
         on conflict (queue) do update set paused = $1, concurrency = $2",
    )
    .bind(paused)
    .bind(concurrency)
    .execute(&app.pool)
    .await
    .expect("set");
}

#[tokio::test]
async fn a_paused_queue_starts_nothing_until_it_is_resumed() {
    let mut app = TestApp::start().await;
    set(&app, true, None).await;
    app.start_worker();
    // Its own queue shows that the worker is alive and has read the settings.
    let probe = jobs::kinds::run_backtest::RunBacktest { backtest_id: Enqueue::new_id() };
    let mut conn = app.pool.acquire().await.expect("a connection");
    eventually("the worker follows the pause", LIMIT, async || {
        sqlx::query_scalar::<_, i64>("select count(*) from queue.workers")
            .fetch_one(&app.pool)
            .await
            .expect("counted")
            == 1
    })
    .await;
    for _ in 0..3 {
        let id = jobs::queue::enqueue(&mut conn, &probe, Enqueue::default()).await.expect("enqueued").job_id;
        reaches(&app, id, "completed").await;
    }
    // Claims that were under way when the pause was read may still take one; then none.
    eventually("the pause has reached the worker", LIMIT, async || {
        let id = act(&app, Act::Succeed).await;
        let known =
            jobs::queue::enqueue(&mut conn, &probe, Enqueue::default()).await.expect("enqueued").job_id;
        reaches(&app, known, "completed").await;
        job(&app, id).await.is_some_and(|job| job.state == "available")
    })
    .await;
    let id = act(&app, Act::Succeed).await;
    set(&app, false, None).await;
    reaches(&app, id, "completed").await;
}

#[tokio::test]
async fn slots_change_at_run_time() {
    let app = TestApp::builder()
        .workers(1)
        .config(|config| {
            config.worker.queues = [("default".to_owned(), 1)].into();
        })
        .start()
        .await;
    for _ in 0..4 {
        put(&app, Exercise { act: Act::Work { ms: 60_000 }, ..Exercise::default() }, Enqueue::default())
            .await;
    }
    let running = async || {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from queue.jobs where state = 'running' and progress is not null",
        )
        .fetch_one(&app.pool)
        .await
        .expect("counted")
    };
    eventually("one runs", LIMIT, async || running().await == 1).await;
    set(&app, false, Some(3)).await;
    eventually("three run", LIMIT, async || running().await == 3).await;
}
