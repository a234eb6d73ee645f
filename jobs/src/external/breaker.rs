//! Stops calls to a provider that does not answer, and tries it again with one call at a time.
//!
//! The state machine is `failsafe`'s; the policy and the single probe are ours, since its own half
//! open state lets every call through.

use std::{
    fmt,
    future::Future,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use failsafe::{FailurePolicy, Instrument, StateMachine, futures::CircuitBreaker};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

use super::{BreakerOptions, ExternalError};

/// How long a caller should stay away when another call is the probe.
const PROBING: Duration = Duration::from_secs(1);

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Calls go through.
    Closed,
    /// One call tries whether the provider is back.
    HalfOpen,
    /// No call goes through.
    Open,
}

impl Position {
    /// Returns the position's name, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// A breaker as it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerState {
    /// Where it stands.
    pub position: Position,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The last failure that counted, even if it is over.
    pub last_error: Option<String>,
    /// While open: when the next call may try.
    pub retry_at: Option<DateTime<Utc>>,
}

/// What the parts of a breaker share.
struct Shared {
    provider: &'static str,
    state: Mutex<BreakerState>,
    gauge: Gauge,
    changed: Notify,
    /// Whether a call was dropped before its end since the provider last answered.
    dropped: AtomicBool,
}

/// A call under way; dropped before its end, it leaves a mark.
struct UnderWay<'a>(&'a AtomicBool);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut BreakerState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn enter(&self, position: Position) {
        self.change(|state| {
            (state.position, state.since) = (position, Utc::now());
            if position != Position::Open {
                state.retry_at = None;
            }
        });
        self.gauge.set(match position {
            Position::Closed => 0,
            Position::HalfOpen => 1,
            Position::Open => 2,
        });
        self.changed.notify_one();
    }

    fn state(&self) -> BreakerState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes down what the state machine does.
struct Watch(Arc<Shared>);

impl Instrument for Watch {
    fn on_call_rejected(&self) {}

    fn on_open(&self) {
        self.0.enter(Position::Open);
        let (provider, state) = (self.0.provider, self.0.state());
        let error = state.last_error.unwrap_or_default();
        warn!(provider, error, "{provider} does not answer; its breaker is open: {error}");
    }

    fn on_half_open(&self) {
        self.0.enter(Position::HalfOpen);
    }

    fn on_closed(&self) {
        let was_closed = self.0.state().position == Position::Closed;
        self.0.enter(Position::Closed);
        if !was_closed {
            let provider = self.0.provider;
            info!(provider, "{provider} answers again; its breaker is closed");
        }
    }
}

/// Opens after failures in a row: many, or two that are apart.
struct Streak {
    options: BreakerOptions,
    shared: Arc<Shared>,
    failures: u32,
    first: Option<Instant>,
    opened: u32,
}

impl FailurePolicy for Streak {
    fn record_success(&mut self) {
        (self.failures, self.first) = (0, None);
        self.shared.dropped.store(false, Ordering::Relaxed);
    }

    fn mark_dead_on_failure(&mut self) -> Option<Duration> {
        let BreakerOptions { failures, apart, first_pause, longest_pause } = self.options;
        let first = *self.first.get_or_insert_with(Instant::now);
        self.failures += 1;
        let probing = self.opened > 0;
        if !probing && self.failures < failures && (self.failures < 2 || first.elapsed() < apart) {
            return None;
        }
        let pause = first_pause.saturating_mul(1 << self.opened.min(16)).min(longest_pause);
        // Processes that noticed together should not all come back together.
        let pause = pause.mul_f64(rand::random_range(0.5..=1.0));
        self.opened += 1;
        self.shared.change(|state| state.retry_at = Some(Utc::now() + pause));
        Some(pause)
    }

    fn revived(&mut self) {
        (self.failures, self.first, self.opened) = (0, None, 0);
    }
}

/// A breaker for one provider in this process.
pub(super) struct Breaker {
    machine: StateMachine<Streak, Watch>,
    shared: Arc<Shared>,
    probe: Arc<Semaphore>,
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("state", &self.shared.state()).finish_non_exhaustive()
    }
}

/// Leave to call: as one of many, or as the only probe.
pub(super) struct Pass(
    #[expect(dead_code, reason = "held until the probe has ended")] Option<OwnedSemaphorePermit>,
);

impl Breaker {
    pub(super) fn new(provider: &'static str, options: BreakerOptions, gauge: Gauge) -> Self {
        let state =
            BreakerState { position: Position::Closed, since: Utc::now(), last_error: None, retry_at: None };
        let (changed, dropped) = (Notify::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { provider, state: Mutex::new(state), gauge, changed, dropped });
        let policy = Streak { options, shared: Arc::clone(&shared), failures: 0, first: None, opened: 0 };
        let machine = StateMachine::new(policy, Watch(Arc::clone(&shared)));
        Self { machine, shared, probe: Arc::new(Semaphore::new(1)) }
    }

    pub(super) fn state(&self) -> BreakerState {
        self.shared.state()
    }

    /// Returns once the state has changed since the last call.
    pub(super) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Returns leave to call, unless the breaker is open or somebody else is the probe.
    pub(super) fn enter(&self) -> Result<Pass, ExternalError> {
        if self.shared.state().position == Position::Closed {
            return Ok(Pass(None));
        }
        // Asking the machine may make it half open, so only the probe may ask.
        let probe = Arc::clone(&self.probe).try_acquire_owned();
        match probe {
            Ok(probe) if self.machine.is_call_permitted() => Ok(Pass(Some(probe))),
            _ => Err(self.turned_away()),
        }
    }

    /// Awaits `call` and notes whether it failed; dropped before its end, it is no failure unless
    /// its caller [says so](Self::given_up).
    pub(super) async fn call<T>(
        &self,
        pass: Pass,
        call: impl Future<Output = Result<T, ExternalError>>,
    ) -> Result<T, ExternalError> {
        let counts = |error: &ExternalError| {
            let counts = error.counts_as_failure();
            if counts {
                self.blame(error);
            }
            counts
        };
        let under_way = UnderWay(&self.shared.dropped);
        let result = self.machine.call_with(counts, call).await;
        mem::forget(under_way);
        drop(pass);
        result.map_err(|error| match error {
            failsafe::Error::Inner(error) => error,
            failsafe::Error::Rejected => self.turned_away(),
        })
    }

    /// Notes `error` as one failure for all calls that were dropped under way since the provider last
    /// answered; where none was, nothing.
    pub(super) fn given_up(&self, error: &ExternalError) {
        if self.shared.dropped.swap(false, Ordering::Relaxed) {
            self.blame(error);
            self.machine.on_error();
        }
    }

    fn blame(&self, error: &ExternalError) {
        self.shared.change(|state| state.last_error = Some(error.to_string()));
    }

    fn turned_away(&self) -> ExternalError {
        let (state, now) = (self.shared.state(), Utc::now());
        let last = state.last_error.as_deref().unwrap_or("unknown");
        ExternalError::Unavailable {
            reason: format!("the breaker of {} is {}: {last}", self.shared.provider, state.position.as_str()),
            until: state.retry_at.filter(|at| *at > now).unwrap_or(now + PROBING),
        }
    }
}

#[cfg(test)]
mod tests;
