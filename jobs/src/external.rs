//! The one way out: every call to somebody else's service goes through an [`External`].
//!
//! A call has one deadline for everything from the connection to the last byte of the answer, takes
//! a permit from an allowance that the whole fleet shares, passes a circuit breaker, and is repeated
//! only when the request says that this is safe. What comes back is an [`Answer`] that is small
//! enough and whole, or an [`ExternalError`] that says what the caller may do. Nothing of the
//! caller's trace goes out, redirects are not followed, and secrets never reach a log.

mod allowance;
mod answer;
mod breaker;
mod error;
mod metrics;
mod options;
mod reporter;
mod request;
pub(crate) mod secrets;
pub(crate) mod storable;
pub(crate) mod tls;
mod transport;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use self::{
    allowance::Gate,
    breaker::Breaker,
    metrics::Series,
    transport::{Sent, Transport},
};

pub use self::{
    answer::Answer,
    breaker::{BreakerState, Position},
    error::ExternalError,
    metrics::ExternalMetrics,
    options::{BreakerOptions, ExternalOptions, Limit},
    request::{Priority, Request, segment},
};

/// The first pause before a safe call is repeated; it doubles, and jitter adds up to as much again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The way to one provider, for one process.
///
/// Dropping it ends its reporter; calls under way are dropped by their own callers.
#[derive(Debug)]
pub struct External {
    inner: Arc<Inner>,
    _reporter: AbortOnDropHandle<()>,
}

#[derive(Debug)]
pub(super) struct Inner {
    options: ExternalOptions,
    transport: Transport,
    breaker: Breaker,
    gate: Gate,
    series: Series,
    pool: PgPool,
}

impl External {
    /// Returns the way to the provider in `options`, and starts to report how it is found to the
    /// other processes by way of `pool`.
    ///
    /// Must be called inside a runtime. Fails with [`ExternalError::Config`] when the address is no
    /// URL, or when it needs TLS and this machine trusts nobody.
    pub fn new(
        options: ExternalOptions,
        pool: PgPool,
        metrics: &ExternalMetrics,
    ) -> Result<Self, ExternalError> {
        let series = metrics.of(options.provider);
        let inner = Arc::new(Inner {
            transport: Transport::new(&options)?,
            breaker: Breaker::new(options.provider, options.breaker, series.breaker.clone()),
            gate: Gate::new(options.provider, options.limit, pool.clone()),
            series,
            options,
            pool,
        });
        let reporter = AbortOnDropHandle::new(tokio::spawn(reporter::run(Arc::clone(&inner))));
        Ok(Self { inner, _reporter: reporter })
    }

    /// Returns how this process finds the provider.
    pub fn state(&self) -> BreakerState {
        self.inner.breaker.state()
    }

    /// Returns the provider's name.
    pub fn provider(&self) -> &'static str {
        self.inner.options.provider
    }

    /// Sends `request` and returns the answer of a success (status 2xx).
    ///
    /// A request that is [repeatable](Request::repeatable) is sent again, after a pause, when the
    /// provider could not be reached or did not answer properly; any other is sent at most once.
    pub async fn call(&self, request: &Request) -> Result<Answer, ExternalError> {
        if !request.is_repeatable() {
            return self.inner.attempt(request).await;
        }
        let pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_jitter()
            .with_max_times(self.inner.options.retries);
        (|| self.inner.attempt(request)).retry(pauses).when(ExternalError::may_pass_soon).await
    }

    /// Tells the breaker that a caller waits no longer for the calls that it dropped: those that were
    /// under way count as one failure, those that waited for their turn say nothing of the provider.
    pub(crate) fn given_up(&self, error: &ExternalError) {
        self.inner.breaker.given_up(error);
    }
}

impl Inner {
    async fn attempt(&self, request: &Request) -> Result<Answer, ExternalError> {
        let begun = Instant::now();
        let result = self.pass(request).await;
        let outcome = result.as_ref().map_or_else(ExternalError::outcome, |_| "ok");
        self.series.ended(request.operation(), outcome, begun.elapsed());
        if let Err(error) = &result {
            let provider = self.options.provider;
            debug!(provider, operation = request.operation(), %error, "{provider}: {error}");
        }
        result
    }

    async fn pass(&self, request: &Request) -> Result<Answer, ExternalError> {
        let pass = self.breaker.enter()?;
        self.gate.take(request.priority()).await.inspect_err(|error| {
            if matches!(error, ExternalError::RateLimited { .. }) {
                self.series.limited("allowance");
            }
        })?;
        // The timeout is inside: a call that takes too long is a failure, not a call dropped.
        let result = self.breaker.call(pass, self.exchange(request)).await;
        if let Err(ExternalError::RateLimited { until }) = &result {
            self.series.limited("provider");
            self.gate.block(wait_until(*until)).await;
        }
        result
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, ExternalError> {
        let limit = self.options.timeout;
        let secrets = self.transport.secrets(request);
        match timeout(limit, self.transport.send(request)).await {
            Ok(Sent::Answered(raw)) => answer::judge(raw, secrets),
            Ok(Sent::Never(reason)) => Err(ExternalError::NotSent { reason: secrets.mask(&reason) }),
            Ok(Sent::Perhaps(reason)) => Err(ExternalError::Unknown { reason: secrets.mask(&reason) }),
            Err(_) => Err(ExternalError::Unknown { reason: format!("no whole answer within {limit:?}") }),
        }
    }
}

/// Returns this process's name for the fleet, as `host:pid`.
pub fn process_name() -> String {
    let host = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let host = host.as_deref().map_or("unknown", str::trim);
    format!("{host}:{}", std::process::id())
}

fn wait_until(until: DateTime<Utc>) -> Duration {
    (until - Utc::now()).to_std().unwrap_or_default()
}
