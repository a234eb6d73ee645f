//! The meeting point with apalis: it polls our assignments and runs them; outcomes go
//! through our layer to the flusher.
//!
//! Polling here only moves channel items and never returns an error: one failed fetch must
//! not end a worker. Claiming, leases and acknowledgements are tasks of their own.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Instant,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    error::BoxDynError,
    task::Task,
    worker::context::WorkerContext,
};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc;
use tower::{Layer, Service};
use uuid::Uuid;

use super::{
    claim::Claimed,
    dispatch::Dispatcher,
    flusher::Report,
    hand::Hand,
    lease::{Interrupt, Leases},
    outcome::{JobError, Outcome},
};

/// A claimed job on its way to a handler, and the hand it is in.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) claimed: Claimed,
    pub(super) interrupt: Interrupt,
    pub(super) hand: Arc<Hand>,
}

/// The assignments of one queue, as apalis polls them.
pub(super) struct PgBackend {
    pub(super) assignments: mpsc::Receiver<Assignment>,
    pub(super) acknowledge: Acknowledge,
    /// The unstarted assignments on their way back, once the worker is stopping.
    pub(super) closing: Option<BoxFuture<'static, ()>>,
}

impl Backend for PgBackend {
    type Task = Task<Assignment>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _cx: &mut TaskContext<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut TaskContext<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.assignments.poll_recv(cx).map(|next| next.map(|assignment| Ok(Task::new(assignment))))
    }

    fn poll_close(
        &mut self,
        cx: &mut TaskContext<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        let (assignments, acknowledge) = (&mut self.assignments, &self.acknowledge);
        let closing = self.closing.get_or_insert_with(|| {
            assignments.close();
            let mut unstarted = Vec::new();
            while let Ok(assignment) = assignments.try_recv() {
                unstarted.push(assignment);
            }
            let acknowledge = acknowledge.clone();
            async move {
                for Assignment { claimed, hand, .. } in unstarted {
                    acknowledge.report(claimed, Outcome::GiveBack).await;
                    hand.put_down();
                }
            }
            .boxed()
        });
        closing.as_mut().poll_unpin(cx).map(Ok)
    }
}

impl BackendConfig for PgBackend {
    type Args = Assignment;
    type Id = Uuid;
    // Payloads are decoded at dispatch: a bad one must end its job, not the worker.
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Acknowledge;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> Acknowledge {
        self.acknowledge.clone()
    }
}

/// The outermost layer: hands each attempt's outcome to the flusher and frees its slot.
#[derive(Clone)]
pub(super) struct Acknowledge {
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) leases: Arc<Leases>,
}

impl Acknowledge {
    pub(super) async fn report(&self, claimed: Claimed, outcome: Outcome) {
        self.leases.ended(&claimed.fence);
        // The flusher outlives the workers; were it gone, the lease would expire and the job
        // be rescued.
        let _ = self.reports.send(Report { claimed, outcome }).await;
    }
}

impl<S> Layer<S> for Acknowledge {
    type Service = AcknowledgeService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AcknowledgeService { acknowledge: self.clone(), inner }
    }
}

/// See [`Acknowledge`].
#[derive(Clone)]
pub(super) struct AcknowledgeService<S> {
    acknowledge: Acknowledge,
    inner: S,
}

impl<S> Service<Task<Assignment>> for AcknowledgeService<S>
where
    S: Service<Task<Assignment>, Response = Outcome>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<(), S::Error>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Assignment>) -> Self::Future {
        let (claimed, hand) = (task.args.claimed.clone(), task.args.hand.clone());
        let acknowledge = self.acknowledge.clone();
        let running = self.inner.call(task);
        async move {
            let outcome = running.await.unwrap_or_else(|error| {
                // A layer between us and the dispatcher refused: the attempt did not run.
                let error: BoxDynError = error.into();
                super::dispatch::refused(&JobError::retryable("LAYER", error), &claimed)
            });
            acknowledge.report(claimed, outcome).await;
            // Not sooner: while outcomes can't be written, nothing more must be claimed.
            hand.put_down();
            Ok(())
        }
        .boxed()
    }
}

/// The innermost service: runs an assignment through the dispatcher.
#[derive(Clone)]
pub(super) struct RunAttempt {
    pub(super) dispatcher: Dispatcher,
}

impl Service<Task<Assignment>> for RunAttempt {
    type Response = Outcome;
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<Outcome, BoxDynError>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), BoxDynError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Assignment>) -> Self::Future {
        let dispatcher = self.dispatcher.clone();
        let Assignment { claimed, interrupt, hand } = task.args;
        async move {
            let slot = tokio::select! {
                biased;
                () = interrupt.token().cancelled() => None,
                slot = hand.slot() => Some(slot),
            };
            let started = Instant::now();
            let outcome = dispatcher.run(claimed, interrupt).await;
            if slot.is_some() {
                hand.ran(started.elapsed());
            }
            Ok(outcome)
        }
        .boxed()
    }
}
