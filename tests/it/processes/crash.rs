//! A worker that is killed loses its lease, not its job.

use std::time::Duration;

use tokio::time::timeout;

use super::fleet::Fleet;

/// The run alone takes four seconds, the lease four; on a machine that is not busy, the rescued run
/// of the other test is done in less than this.
const LONG_ENOUGH: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_worker_is_killed_is_finished_once_by_another() {
    let mut fleet = Fleet::start(&[]).await;
    let run = fleet.long_run().await;
    fleet.workers[run.holder].kill();
    let done = fleet.done(&run).await;
    assert!(done["resultsSummary"].is_object(), "{done}");

    let finished = fleet.finished(&run).await;
    assert_eq!(finished.state, "completed");
    assert_ne!(finished.worker_id, Some(run.worker_id), "the dead worker finished it");
    assert_eq!((finished.attempt, finished.failures, finished.crashes), (2, 0, 1));
    assert_eq!(fleet.lost_attempts(&run).await, [("crashed".to_owned(), Some(run.worker_id))]);
    fleet.assert_results_once(&run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_rescue_of_leases_such_a_run_is_not_finished() {
    let mut fleet = Fleet::start(&[("CAPSTAN__QUEUE__RESCUE_INTERVAL_MS", "3600000")]).await;
    let run = fleet.long_run().await;
    fleet.workers[run.holder].kill();
    let done = timeout(LONG_ENOUGH, fleet.done(&run)).await;
    assert!(done.is_err(), "something else rescued the run, and the test above proves nothing: {done:?}");
    assert!(fleet.lost_attempts(&run).await.is_empty());
}
