//! The modes of unique keys.

use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, EnqueueError, OnConflict, UniqueScope, enqueue, inspect::State},
};
use suites::TestApp;

use super::{job, put, reaches};

fn keyed(act: Act) -> Exercise {
    Exercise { act, unique: Some("k".into()), ..Exercise::default() }
}

#[tokio::test]
async fn reject_names_the_holder() {
    let app = TestApp::start().await;
    let holder = put(&app, keyed(Act::Succeed), Enqueue::default()).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let refused =
        enqueue(&mut conn, &keyed(Act::Succeed), Enqueue::default().on_conflict(OnConflict::Reject)).await;
    match refused {
        Err(EnqueueError::Duplicate { holder: named, .. }) => assert_eq!(named, holder),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn replace_gives_the_waiting_job_the_new_payload() {
    let mut app = TestApp::start().await;
    let replace = || Enqueue::default().on_conflict(OnConflict::Replace);
    let first = put(&app, keyed(Act::Refuse), replace()).await;
    let second = put(&app, keyed(Act::Succeed), replace().priority(3)).await;
    assert_eq!(first, second);
    app.start_worker();
    let done = reaches(&app, first, "completed").await;
    assert_eq!(done.priority, 3, "the later payload ran");
}

#[tokio::test]
async fn replace_leaves_a_running_job_alone() {
    let app = TestApp::builder().workers(1).start().await;
    let replace = || Enqueue::default().on_conflict(OnConflict::Replace);
    let first = put(&app, keyed(Act::Work { ms: 5_000 }), replace()).await;
    reaches(&app, first, "running").await;
    assert_eq!(put(&app, keyed(Act::Refuse), replace()).await, first);
    reaches(&app, first, "completed").await;
}

#[tokio::test]
async fn a_key_held_while_waiting_is_free_once_the_job_runs() {
    let app = TestApp::builder().workers(1).start().await;
    let waiting = || Enqueue::default().unique_scope(UniqueScope::Waiting);
    let first = put(&app, keyed(Act::Work { ms: 25_000 }), waiting()).await;
    reaches(&app, first, "running").await;
    let second = put(&app, keyed(Act::Succeed), waiting()).await;
    assert_ne!(first, second);
    reaches(&app, second, "completed").await;
    assert_eq!(job(&app, first).await.expect("there").state, "running");
}

#[tokio::test]
async fn a_unique_key_is_held_in_every_unfinished_state() {
    let app = TestApp::start().await;
    let holder = put(&app, keyed(Act::Succeed), Enqueue::default()).await;
    for state in State::ALL.into_iter().filter(|state| !state.is_finished()) {
        sqlx::query(
            "update queue.jobs
                set state = $2::queue.job_state,
                    lease_token = case when $2 = 'running' then gen_random_uuid() end
              where job_id = $1",
        )
        .bind(holder)
        .bind(state.as_str())
        .execute(&app.pool)
        .await
        .expect("changed");
        assert_eq!(put(&app, keyed(Act::Succeed), Enqueue::default()).await, holder, "{state}");
    }
}
