//! Workers that die, or freeze, while they send an order.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use nix::sys::signal::Signal;
use suites::{Capstan, eventually};

use super::{Desk, LIMIT, buy, far_side::Fate};

/// A process of a debug build, on a machine busy with other tests.
const STARTED: Duration = Duration::from_mins(1);

/// A worker process that reaches the desk's far side.
fn worker(desk: &Desk) -> Capstan {
    let http = format!("http://{}", desk.far.address);
    Capstan::command(&["worker", "--queues", "orders=4"])
        .database(desk.app.database_url())
        .env("CAPSTAN__BROKER__KEY", "PKTEST")
        .env("CAPSTAN__BROKER__SECRET", "secret")
        .env("CAPSTAN__BROKER__TRADING_URL", &http)
        .env("CAPSTAN__BROKER__DATA_URL", &http)
        .env("CAPSTAN__BROKER__STREAM_URL", &format!("ws://{}/stream", desk.far.address))
        .env("CAPSTAN__QUEUE__CRASH_BUDGET", "100")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_once_wherever_its_worker_crashes() {
    if !cfg!(debug_assertions) {
        return;
    }
    let desk = Desk::closed().await;
    let places = [
        ("AAA", "before_submitting"),
        ("BBB", "after_submitting"),
        ("CCC", "before_post"),
        ("DDD", "after_post"),
        ("EEE", "before_record"),
    ];
    let mut orders = Vec::new();
    for (symbol, place) in places {
        let order = desk.place(buy(symbol, "10")).await;
        let mut doomed = worker(&desk).env("CAPSTAN_FAILPOINT", &format!("submit_order.{place}:1")).start();
        let status = doomed.ended(STARTED).await;
        assert_eq!(status.signal(), Some(Signal::SIGABRT as i32), "{place} ended it: {status}");
        orders.push(order);
    }
    let _survivor = worker(&desk).start();
    for order in &orders {
        desk.reaches(order.id, "new").await;
        assert_eq!(desk.far.posts(&order.client_order_id), 1, "{order:?}");
    }
    assert_eq!(desk.far.len(), orders.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_worker_freezes_while_it_is_sent_is_adopted_by_another() {
    let desk = Desk::closed().await;
    desk.far.next_post(Fate::Held);
    let order = desk.place(buy("ACME", "10")).await;
    let frozen = worker(&desk).env("CAPSTAN__BROKER__TIMEOUT_MS", "20000").start();
    desk.reaches(order.id, "submitting").await;
    eventually("the order is under way", LIMIT, async || desk.far.held() == 1).await;
    frozen.signal(Signal::SIGSTOP);
    desk.far.release();
    eventually("the broker has it", LIMIT, async || desk.far.order(&order.client_order_id)).await;
    let _other = worker(&desk).start();
    let adopted = desk.reaches(order.id, "new").await;
    // Reconciliation may see the order before the other attempt does; the frozen one goes on only
    // after that has finished.
    let job = desk.finished(order.job_id.expect("an order has a job")).await;
    assert_eq!((job.state.as_str(), job.attempt), ("completed", 2));
    frozen.signal(Signal::SIGCONT);
    // The late one is told that its attempt is over; nothing of it is written or sent again.
    let next = desk.place(buy("ACME", "11")).await;
    desk.reaches(next.id, "new").await;
    assert_eq!((desk.far.posts(&order.client_order_id), desk.far.len()), (1, 2));
    assert_eq!(desk.order(order.id).await, adopted);
}
