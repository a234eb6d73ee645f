//! Enqueues of many callers, gathered into few statements.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use jobs::{
    kinds::exercise::{Act, Exercise},
    queue::{Enqueue, EnqueueError, Enqueued, Enqueuer, Gathering, Hints, OnConflict, enqueue},
};
use suites::TestApp;

use super::{LIMIT, job, reaches};

fn enqueuer(app: &TestApp) -> (Enqueuer, Gathering) {
    Enqueuer::start(app.pool.clone(), Hints::new(app.pool.clone()))
}

fn keyed(key: &str) -> Exercise {
    Exercise { unique: Some(key.into()), ..Exercise::default() }
}

async fn transactions(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(distinct xmin::text) from queue.jobs")
        .fetch_one(&app.pool)
        .await
        .expect("a count")
}

#[tokio::test]
async fn concurrent_enqueues_share_statements_and_each_has_its_own_result() {
    let app = TestApp::start().await;
    let (enqueuer, gathering) = enqueuer(&app);
    let exercise = Exercise::default();
    let calls = (0..200).map(|n| {
        let options = Enqueue::default().priority(n).tag(format!("t{n}")).trace_id(format!("trace-{n}"));
        enqueuer.enqueue(&exercise, options)
    });
    let results: Result<Vec<Enqueued>, _> = join_all(calls).await.into_iter().collect();
    let results = results.expect("all are enqueued");
    let ids: BTreeSet<_> = results.iter().map(|enqueued| enqueued.job_id).collect();
    assert!(ids.len() == 200 && results.iter().all(|enqueued| enqueued.inserted));
    for (n, enqueued) in (0..).zip(&results) {
        let job = job(&app, enqueued.job_id).await.expect("it is committed");
        assert_eq!((job.priority, job.state.as_str()), (n, "available"));
        assert_eq!(job.tags, Some(vec![format!("t{n}")]));
        assert_eq!(job.trace_id, Some(format!("trace-{n}")));
    }
    let transactions = transactions(&app).await;
    assert!(transactions < 50, "{transactions} transactions for 200 jobs");
    drop(enqueuer);
    gathering.drained().await;
}

#[tokio::test]
async fn options_mean_what_they_mean_for_a_single_enqueue() {
    let app = TestApp::start().await;
    let (enqueuer, _gathering) = enqueuer(&app);
    let id = Enqueue::new_id();
    let hour = Duration::from_hours(1);
    let exercise = Exercise::default();
    let put = async |options: Enqueue| {
        let answer = enqueuer.enqueue(&exercise, options).await.expect("enqueued");
        job(&app, answer.job_id).await.expect("it is there")
    };
    assert_eq!(put(Enqueue::default().id(id)).await.job_id, id);
    let later = put(Enqueue::default().delay(hour).not_after(2 * hour).max_failures(7)).await;
    assert_eq!((later.state.as_str(), later.max_failures), ("scheduled", Some(7)));
    assert!(later.run_at > later.created_at && later.not_after.is_some_and(|at| at > later.run_at));
    let head = put(Enqueue::default().fifo("K")).await;
    assert_eq!(
        (head.state.as_str(), put(Enqueue::default().fifo("K")).await.state.as_str()),
        ("available", "blocked")
    );
    assert_eq!(put(Enqueue::default().after(&[head.job_id])).await.state, "blocked");
    sqlx::query("insert into queue.limits (limit_key, max_running) values ('L', 0)")
        .execute(&app.pool)
        .await
        .expect("a limit");
    assert_eq!(put(Enqueue::default().limit("L")).await.state, "blocked");
}

#[tokio::test]
async fn a_taken_key_is_settled_for_each_caller_as_it_asked() {
    let app = TestApp::start().await;
    let (enqueuer, _gathering) = enqueuer(&app);
    let mut conn = app.pool.acquire().await.expect("a connection");
    let options = || Enqueue::default().delay(Duration::from_hours(1));
    let holder = enqueue(&mut conn, &keyed("a"), options()).await.expect("enqueued").job_id;
    let (a, b, plain) = (keyed("a"), keyed("b"), Exercise::default());
    let (returned, rejected, first, second, free) = tokio::join!(
        enqueuer.enqueue(&a, options()),
        enqueuer.enqueue(&a, options().on_conflict(OnConflict::Reject)),
        enqueuer.enqueue(&b, options()),
        enqueuer.enqueue(&b, options()),
        enqueuer.enqueue(&plain, options()),
    );
    assert_eq!(returned.expect("answered"), Enqueued { job_id: holder, inserted: false });
    assert!(matches!(rejected, Err(EnqueueError::Duplicate { holder: named, .. }) if named == holder));
    let (first, second) = (first.expect("answered"), second.expect("answered"));
    assert!(first.job_id == second.job_id && first.inserted != second.inserted);
    assert!(free.expect("answered").inserted);
    let replaced =
        enqueuer.enqueue(&a, Enqueue::default().on_conflict(OnConflict::Replace).priority(9)).await;
    assert_eq!(replaced.expect("answered").job_id, holder);
    assert_eq!(job(&app, holder).await.expect("there").priority, 9);
}

#[tokio::test]
async fn one_refused_job_does_not_take_the_others_with_it() {
    let app = TestApp::start().await;
    let (enqueuer, _gathering) = enqueuer(&app);
    let taken = enqueuer.enqueue(&Exercise::default(), Enqueue::default()).await.expect("enqueued").job_id;
    let exercise = Exercise::default();
    // The same id again is refused by the primary key, a NUL by the type.
    let calls = (0..20).map(|n| {
        let options = match n {
            7 => Enqueue::default().id(taken),
            11 => Enqueue::default().tag("nul \0"),
            _ => Enqueue::default(),
        };
        enqueuer.enqueue(&exercise, options)
    });
    let results = join_all(calls).await;
    let refused: Vec<_> = (0..).zip(&results).filter(|(_, result)| result.is_err()).map(|(n, _)| n).collect();
    assert_eq!(refused, [7, 11], "{results:?}");
}

#[tokio::test]
async fn a_key_that_an_open_transaction_holds_does_not_hold_up_jobs_without_one() {
    let app = TestApp::start().await;
    let (enqueuer, _gathering) = enqueuer(&app);
    let mut tx = app.pool.begin().await.expect("a transaction");
    let holder = enqueue(&mut tx, &keyed("a"), Enqueue::default()).await.expect("enqueued").job_id;
    let waiting = tokio::spawn({
        let enqueuer = enqueuer.clone();
        async move { enqueuer.enqueue(&keyed("a"), Enqueue::default()).await }
    });
    let exercise = Exercise::default();
    let free = tokio::time::timeout(LIMIT, enqueuer.enqueue(&exercise, Enqueue::default())).await;
    assert!(free.expect("it does not wait").expect("enqueued").inserted);
    tx.commit().await.expect("committed");
    let waited = waiting.await.expect("no panic").expect("answered");
    assert_eq!(waited, Enqueued { job_id: holder, inserted: false });
}

#[tokio::test]
async fn what_was_handed_in_is_committed_when_the_last_handle_goes() {
    let mut app = TestApp::start().await;
    let (enqueuer, gathering) = enqueuer(&app);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let enqueuer = enqueuer.clone();
            tokio::spawn(async move {
                let exercise = Exercise { act: Act::Succeed, ..Exercise::default() };
                enqueuer.enqueue(&exercise, Enqueue::default()).await
            })
        })
        .collect();
    drop(enqueuer);
    gathering.drained().await;
    app.start_worker();
    for call in calls {
        let answer = call.await.expect("no panic").expect("enqueued");
        reaches(&app, answer.job_id, "completed").await;
    }
}
