//! Limits are counted from the rows, so nothing has to be set right after a crash.

use jobs::{kinds::exercise::Exercise, queue::Enqueue};
use suites::TestApp;

use super::{put, reaches};

#[tokio::test]
async fn a_limit_has_room_again_when_its_holder_has_vanished() {
    let mut app = TestApp::start().await;
    sqlx::query("insert into queue.limits (limit_key, max_running) values ('one', 1)")
        .execute(&app.pool)
        .await
        .expect("set");
    let lost = put(&app, Exercise::default(), Enqueue::default().limit("one")).await;
    let next = put(&app, Exercise::default(), Enqueue::default().limit("one")).await;
    let left = sqlx::query(
        "update queue.jobs
            set state = 'running', attempt = 1, worker_id = gen_random_uuid(), started_at = now(),
                lease_token = gen_random_uuid(), lease_expires_at = clock_timestamp() + interval '1 s'
          where job_id = $1",
    )
    .bind(lost)
    .execute(&app.pool)
    .await
    .expect("updated");
    assert_eq!(left.rows_affected(), 1);
    app.start_worker();
    reaches(&app, next, "completed").await;
    let done = reaches(&app, lost, "completed").await;
    assert_eq!((done.attempt, done.crashes), (2, 1), "no counter had to be set right");
}
