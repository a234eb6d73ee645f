//! Every job that sends an order is delivered twice, at the same time (C6).

use std::time::Duration;

use suites::TestDatabase;

use super::{
    super::tier::{rng, say, seed, sized},
    desk::Desk,
};

const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_job_is_delivered_twice_is_sent_once() {
    let name = "delivered twice";
    let mut rng = rng(name);
    let n = sized(60, 2000);
    let database = TestDatabase::create().await;
    let mut desk = Desk::open(database.url(), &database.pool, seed(name)).await;
    desk.place(n, &mut rng).await;
    // Without the keys that would make one job of the two, and let one wait for the other.
    let twins = sqlx::query(
        "insert into queue.jobs
                (job_id, queue, kind, payload, state, priority, run_at, not_after, created_at, tags)
         select gen_random_uuid(), queue, kind, payload, 'available', priority, run_at, not_after,
                created_at, tags
           from queue.jobs
          where kind = 'submit_order'",
    )
    .execute(&database.pool)
    .await
    .expect("the twins are enqueued");
    assert_eq!(usize::try_from(twins.rows_affected()), Ok(n));

    let fleet = desk.fleet(8).with(2).await;
    desk.sends_all(LIMIT).await;
    let ledger = desk.comes_out_right().await;
    let (rows, completed, failures, _) = desk.jobs().await;
    say(&format!(
        "{n} orders delivered twice: {} posts, {} of them again; {failures} failures, {} late writes refused",
        ledger.posts,
        ledger.duplicates,
        fleet.fenced(),
    ));
    let both = i64::try_from(2 * n).expect("a small number");
    assert_eq!((rows, completed), (both, both), "both jobs of every order finished well");
    assert_eq!(ledger.accepted, u64::try_from(n).expect("a small number"));
}
