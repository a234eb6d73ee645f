//! The claim loop of one queue: on demand, as much as its [`Hand`] has room for.
//!
//! While a backlog lasts, the next claim is sent before the last one's answer: the round trip
//! and the commit of one hide behind the other's.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use rand::Rng;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    backend::{Acknowledge, Assignment},
    claim::{Claim, Claimed, claim},
    controls::Control,
    counters::Counters,
    hand::Hand,
    lease::Leases,
    listener::Wakers,
    low_mark::{Key, LowMark},
    outcome::Outcome,
};
use crate::{environment::Environment, failpoint};

/// A claim that takes longer is remarked upon. It is not dropped: the server would carry it out
/// all the same, and nobody would hold what it took. The statement timeout ends it.
const SLOW_CLAIM: Duration = Duration::from_secs(5);

/// What a claim took, each with the beginning of its lease, and the first one's place.
type Taken = (Vec<(Claimed, Instant)>, Option<Key>);

/// A claim that looked at everything.
struct Look {
    since: Instant,
    took: Duration,
}

/// Claims for one queue and hands the jobs to its apalis worker.
pub(super) struct Fetcher {
    pub(super) env: Arc<Environment>,
    pub(super) queue: String,
    pub(super) hand: Arc<Hand>,
    pub(super) control: Arc<Control>,
    pub(super) kinds: Vec<String>,
    pub(super) worker_id: Uuid,
    pub(super) leases: Arc<Leases>,
    pub(super) counters: Arc<Counters>,
    pub(super) wakers: Wakers,
    pub(super) assignments: mpsc::Sender<Assignment>,
    pub(super) acknowledge: Acknowledge,
    pub(super) shutdown: CancellationToken,
}

impl Fetcher {
    /// Runs until the shutdown. A failed claim is waited out, never passed on; one that is under
    /// way is never dropped, for what it took would be nobody's.
    pub(super) async fn run(self) {
        let mut outage = Outage::default();
        let mut backlog = false;
        let mut mark = LowMark::default();
        let mut claims = FuturesUnordered::new();
        loop {
            if self.shutdown.is_cancelled() && claims.is_empty() {
                return;
            }
            if claims.is_empty() && self.control.paused() {
                self.idle().await;
                continue;
            }
            let most = if backlog { 2 } else { 1 };
            while claims.len() < most && self.may_claim() {
                match self.hand.reserve() {
                    0 => break,
                    wanted => claims.push(self.claim(wanted, mark.next(Instant::now()))),
                }
            }
            let (wanted, whole, claimed) = tokio::select! {
                Some(answer) = claims.next() => answer,
                () = self.hand.freed(), if claims.len() < most => continue,
                () = self.shutdown.cancelled(), if claims.is_empty() => continue,
            };
            if let Some(look) = whole {
                mark.looked(look.since, look.took);
            }
            match claimed {
                Ok((claimed, first)) => {
                    outage.over(&self.queue);
                    self.hand.unreserve(wanted - claimed.len());
                    backlog = claimed.len() == wanted;
                    // Short of what it wanted, it may have left out what is before the mark.
                    let more = if backlog {
                        mark.raise(first);
                        true
                    } else {
                        mark.forget()
                    };
                    if !claimed.is_empty() {
                        failpoint::hit("after_claim");
                    }
                    self.assign(claimed).await;
                    if !more && claims.is_empty() {
                        self.idle().await;
                    }
                }
                Err(error) => {
                    self.hand.unreserve(wanted);
                    backlog = false;
                    mark.forget();
                    let wait = outage.note(&self.queue, &error);
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.shutdown.cancelled() => {}
                    }
                }
            }
        }
    }

    fn may_claim(&self) -> bool {
        !self.shutdown.is_cancelled() && !self.control.paused()
    }

    /// Returns the limit beside the answer, and how long it took to look at everything, if it did.
    async fn claim(&self, limit: usize, from: Key) -> (usize, Option<Look>, sqlx::Result<Taken>) {
        let since = Instant::now();
        let taken = self.take(limit, from).await;
        let whole = (from == Key::start()).then(|| Look { since, took: since.elapsed() });
        (limit, whole, taken)
    }

    async fn take(&self, limit: usize, from: Key) -> sqlx::Result<Taken> {
        let since = Instant::now();
        let request = Claim {
            queue: &self.queue,
            kinds: &self.kinds,
            worker_id: self.worker_id,
            lease: self.env.config.queue.lease(),
            limit,
            from,
        };
        let mut claiming = Box::pin(claim(&self.env.pool, &request));
        let (claimed, first) = if let Ok(claimed) = timeout(SLOW_CLAIM, &mut claiming).await {
            claimed?
        } else {
            warn!(queue = self.queue, "a claim from {} takes longer than {SLOW_CLAIM:?}", self.queue);
            claiming.await?
        };
        self.counters.claimed(claimed.len());
        Ok((claimed.into_iter().map(|job| (job, since)).collect(), first))
    }

    async fn assign(&self, claimed: Vec<(Claimed, Instant)>) {
        for (claimed, since) in claimed {
            let interrupt = self.leases.hold(claimed.fence, since.into_std());
            // So late that the lease is half over: another may have it sooner.
            if since.elapsed() > self.env.config.queue.lease() / 2 {
                self.acknowledge.report(claimed, Outcome::GiveBack).await;
                self.hand.put_down();
                continue;
            }
            let assignment = Assignment { claimed, interrupt, hand: self.hand.clone() };
            // The channel is as long as the hand is large: this waits for nobody.
            if let Err(mpsc::error::SendError(back)) = self.assignments.send(assignment).await {
                self.acknowledge.report(back.claimed, Outcome::GiveBack).await;
                back.hand.put_down();
            }
        }
    }

    async fn idle(&self) {
        let poll = Duration::from_millis(self.env.config.queue.poll_interval_ms);
        let hinted = async {
            match self.wakers.queues.get(&self.queue) {
                Some(waker) => waker.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = hinted => {}
            () = sleep(poll) => {}
            () = self.shutdown.cancelled() => {}
        }
    }
}

/// Keeps one outage from filling the log, and its retries apart.
#[derive(Debug, Default)]
struct Outage {
    since: Option<Instant>,
    failures: u32,
}

impl Outage {
    fn note(&mut self, queue: &str, error: &sqlx::Error) -> Duration {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            warn!(queue, %error, "can't claim from {queue}; waiting for the database");
        }
        self.failures = self.failures.saturating_add(1);
        let ceiling = Duration::from_millis(100 << self.failures.min(5)).min(Duration::from_secs(2));
        ceiling.mul_f64(rand::rng().random_range(0.5..1.0))
    }

    fn over(&mut self, queue: &str) {
        if let Some(since) = self.since.take() {
            info!(queue, "claiming from {queue} again after {:?}", since.elapsed());
        }
        self.failures = 0;
    }
}
