//! Waiting for a condition, with a limit and a message that says what did not happen.

use std::{
    fmt::Debug,
    future::Future,
    panic::Location,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(20);

/// An answer of a probe: settled with a value, or not yet.
pub trait Probe {
    /// What the wait returns.
    type Value;

    /// Returns the value, or what was seen instead of it.
    fn settle(self) -> Result<Self::Value, String>;
}

impl Probe for bool {
    type Value = ();

    fn settle(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "it stayed false".to_owned())
    }
}

impl<T> Probe for Option<T> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.ok_or_else(|| "there was nothing".to_owned())
    }
}

impl<T, E: Debug> Probe for Result<T, E> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// Asks `probe` again and again until it settles; panics once `limit` has passed.
///
/// A probe answers `bool`, `Option` or `Result`; the panic names `what`, the caller's line and
/// the last answer. One that never returns counts as an answer that did not come.
#[track_caller]
pub fn eventually<P: Probe>(
    what: impl Into<String>,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> P,
) -> impl Future<Output = P::Value> {
    let (what, caller) = (what.into(), Location::caller());
    async move {
        let started = Instant::now();
        let mut seen = "no answer came".to_owned();
        loop {
            let left = limit.saturating_sub(started.elapsed());
            match tokio::time::timeout(left, probe()).await.map(Probe::settle) {
                Ok(Ok(value)) => return value,
                Ok(Err(instead)) => seen = instead,
                Err(_) => {}
            }
            assert!(
                started.elapsed() < limit,
                "waited {limit:?} in vain for: {what} (at {caller}); last seen: {seen}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
}
