//! A worker that is asked to stop finishes what it can and gives the rest back.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::fleet::Fleet;

/// Beyond the grace: giving back, committing, and leaving.
const MARGIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_run_longer_than_the_grace_is_given_back_and_finished_by_another() {
    let grace = Duration::from_millis(500);
    // Eight seconds of work, so that it is not done within the grace.
    let slow = ("CAPSTAN__BACKTEST__PACE_BARS_PER_S", "250");
    let mut fleet = Fleet::start(&[("CAPSTAN__WORKER__GRACE_MS", "500"), slow]).await;
    let run = fleet.long_run().await;
    let worker = &mut fleet.workers[run.holder];
    worker.signal(Signal::SIGTERM);
    let status = worker.ended(grace + MARGIN).await;
    assert!(status.success(), "a stop is no failure: {status}; {}", worker.log());
    fleet.done(&run).await;

    let finished = fleet.finished(&run).await;
    assert_eq!(finished.state, "completed");
    assert_ne!(finished.worker_id, Some(run.worker_id));
    assert_eq!((finished.failures, finished.crashes), (0, 0), "a stop is neither failure nor crash");
    assert_eq!(fleet.lost_attempts(&run).await, [("given_back".to_owned(), Some(run.worker_id))]);
    fleet.assert_results_once(&run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fits_into_the_grace_is_finished_by_the_stopping_worker() {
    let grace = Duration::from_secs(20);
    let mut fleet = Fleet::start(&[("CAPSTAN__WORKER__GRACE_MS", "20000")]).await;
    let run = fleet.long_run().await;
    let worker = &mut fleet.workers[run.holder];
    worker.signal(Signal::SIGTERM);
    let status = worker.ended(grace + MARGIN).await;
    assert!(status.success(), "{status}; {}", worker.log());

    let finished = fleet.finished(&run).await;
    assert_eq!((finished.state.as_str(), finished.attempt), ("completed", 1));
    assert_eq!(finished.worker_id, Some(run.worker_id));
    assert!(fleet.lost_attempts(&run).await.is_empty());
    fleet.assert_results_once(&run).await;
}
