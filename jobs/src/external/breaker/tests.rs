//! When it opens, who may try, and when it closes.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt;

use super::*;

fn breaker(failures: u32, pause: Duration) -> Breaker {
    let options =
        BreakerOptions { failures, apart: Duration::from_hours(1), first_pause: pause, longest_pause: pause };
    Breaker::new("p", options, Gauge::default())
}

async fn fail(breaker: &Breaker, error: ExternalError) -> ExternalError {
    match breaker.enter() {
        Ok(pass) => breaker.call::<()>(pass, async { Err(error) }).await.expect_err("it fails"),
        Err(away) => away,
    }
}

fn unknown() -> ExternalError {
    ExternalError::Unknown { reason: "reset".into() }
}

#[tokio::test]
async fn refusals_never_open_it_and_failures_in_a_row_do() {
    let breaker = breaker(3, Duration::from_hours(1));
    for _ in 0..10 {
        let refused = ExternalError::Refused { status: 422, body: String::new() };
        fail(&breaker, refused).await;
    }
    fail(&breaker, unknown()).await;
    fail(&breaker, unknown()).await;
    let pass = breaker.enter().expect("two failures leave it closed");
    breaker.call(pass, async { Ok(()) }).await.expect("the call succeeds");
    for _ in 0..3 {
        assert_eq!(breaker.state().position, Position::Closed);
        fail(&breaker, unknown()).await;
    }
    let state = breaker.state();
    assert_eq!((state.position, state.last_error), (Position::Open, Some(unknown().to_string())));
    assert!(matches!(fail(&breaker, unknown()).await, ExternalError::Unavailable { .. }));
}

#[tokio::test]
async fn two_failures_that_are_apart_open_it() {
    let hour = Duration::from_hours(1);
    let options =
        BreakerOptions { failures: 99, apart: Duration::ZERO, first_pause: hour, longest_pause: hour };
    let breaker = Breaker::new("p", options, Gauge::default());
    fail(&breaker, unknown()).await;
    assert_eq!(breaker.state().position, Position::Closed);
    fail(&breaker, unknown()).await;
    assert_eq!(breaker.state().position, Position::Open);
}

#[tokio::test]
async fn half_open_lets_one_call_through_and_a_dropped_probe_makes_room() {
    let breaker = breaker(1, Duration::ZERO);
    fail(&breaker, unknown()).await;
    let tried = AtomicU32::new(0);
    let (probing, dropped) = (breaker.enter().expect("the pause is over"), breaker.enter());
    assert!(matches!(dropped, Err(ExternalError::Unavailable { .. })), "somebody else is the probe");
    drop(probing);
    let pass = breaker.enter().expect("the probe was given up");
    let call = breaker.call(pass, async {
        tried.fetch_add(1, Ordering::Relaxed);
        assert_eq!(breaker.state().position, Position::HalfOpen);
        assert!(breaker.enter().is_err(), "a probe is under way");
        Ok(())
    });
    call.await.expect("the probe succeeds");
    assert_eq!((tried.load(Ordering::Relaxed), breaker.state().position), (1, Position::Closed));
}

#[tokio::test]
async fn calls_that_were_given_up_under_way_are_one_failure_and_others_none() {
    let breaker = breaker(2, Duration::from_hours(1));
    let drop_one = || {
        let pass = breaker.enter().expect("it is closed");
        assert!(breaker.call::<()>(pass, std::future::pending()).now_or_never().is_none());
    };
    drop(breaker.call::<()>(breaker.enter().expect("it is closed"), std::future::pending()));
    breaker.given_up(&unknown());
    breaker.given_up(&unknown());
    assert_eq!(breaker.state().last_error, None, "nothing was under way");
    drop_one();
    let pass = breaker.enter().expect("it is closed");
    breaker.call(pass, async { Ok(()) }).await.expect("the call succeeds");
    breaker.given_up(&unknown());
    assert_eq!(breaker.state().last_error, None, "it has answered since");
    for position in [Position::Closed, Position::Open] {
        drop_one();
        drop_one();
        breaker.given_up(&unknown());
        breaker.given_up(&unknown());
        let state = breaker.state();
        assert_eq!((state.position, state.last_error), (position, Some(unknown().to_string())));
    }
}

#[tokio::test]
async fn a_failed_probe_opens_it_again_for_longer() {
    let options = BreakerOptions {
        failures: 1,
        apart: Duration::ZERO,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_hours(1),
    };
    let shared = Arc::clone(&Breaker::new("p", options, Gauge::default()).shared);
    let mut streak = Streak { options, shared, failures: 0, first: None, opened: 0 };
    let pauses: Vec<_> = (0..8).filter_map(|_| streak.mark_dead_on_failure()).collect();
    assert_eq!(pauses.len(), 8, "every failure opens it: {pauses:?}");
    assert!(pauses[7] >= Duration::from_millis(64) && pauses[7] <= Duration::from_millis(128), "{pauses:?}");
    streak.revived();
    assert!(streak.mark_dead_on_failure().expect("one is enough") <= Duration::from_millis(1));
}
