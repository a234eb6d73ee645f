//! The one list of kinds.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::versioned,
    kinds,
    queue::{Backoff, Context, Ending, JobError, Probe, ProbeContext, Resolved},
};

type Run = fn(Value, Context, Arc<Environment>) -> BoxFuture<'static, Result<Success, JobError>>;
type Abandon = for<'a> fn(Value, &'a mut PgConnection, &'a Ending) -> BoxFuture<'a, sqlx::Result<()>>;
type Resolve = for<'a> fn(Value, &'a mut PgConnection, &'a Resolved) -> BoxFuture<'a, sqlx::Result<()>>;
type Look = fn(Value, ProbeContext, Arc<Environment>) -> BoxFuture<'static, Result<Probe, JobError>>;
type Check = fn(&Value) -> Result<(), PayloadError>;

/// How one kind runs.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) policy: Policy,
    pub(crate) run: Run,
    pub(crate) abandon: Abandon,
    pub(crate) resolve: Resolve,
    /// The wait between looks, for kinds that can look.
    pub(crate) probe: Option<Backoff>,
    pub(crate) look: Look,
    check: Check,
}

/// Why a payload is none of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// No such kind is registered.
    #[error("there is no kind {0:?}")]
    UnknownKind(String),
    /// It does not decode.
    #[error("the payload of {kind} does not decode at {path:?}: {reason}")]
    Undecodable {
        /// The kind.
        kind: String,
        /// The field at fault, as `field.list[1]`; `.` is the payload as a whole.
        path: String,
        /// What is wrong there.
        reason: String,
    },
}

/// The kinds that this process can run.
#[derive(Clone)]
pub struct Registry {
    entries: Arc<BTreeMap<String, Entry>>,
}

impl Registry {
    /// Returns every kind of the product; `exercise` adds the kind that tests use.
    pub fn new(exercise: bool) -> Self {
        let mut entries = BTreeMap::new();
        add::<kinds::run_backtest::RunBacktest>(&mut entries);
        add::<kinds::run_sweep_slice::RunSweepSlice>(&mut entries);
        add::<kinds::rank_sweep::RankSweep>(&mut entries);
        add::<kinds::run_walk_forward_window::RunWalkForwardWindow>(&mut entries);
        add::<kinds::stitch_walk_forward::StitchWalkForward>(&mut entries);
        add::<kinds::stop_sweep::StopSweep>(&mut entries);
        add::<kinds::bulk_operation::BulkOperation>(&mut entries);
        add::<kinds::submit_order::SubmitOrder>(&mut entries);
        add::<kinds::cancel_order::CancelOrder>(&mut entries);
        add::<kinds::replace_order::ReplaceOrder>(&mut entries);
        add::<kinds::adopt_order::AdoptOrder>(&mut entries);
        add::<kinds::sync_orders::SyncOrders>(&mut entries);
        add::<kinds::close_position::ClosePosition>(&mut entries);
        add::<kinds::liquidate::Liquidate>(&mut entries);
        add::<kinds::reconcile_positions::ReconcilePositions>(&mut entries);
        add::<kinds::refresh_market_data::RefreshMarketData>(&mut entries);
        add::<kinds::probe_connectors::ProbeConnectors>(&mut entries);
        add::<kinds::score_sentiment::ScoreSentiment>(&mut entries);
        add::<kinds::fuse_sources::FuseSources>(&mut entries);
        add::<kinds::sync_universe::SyncUniverse>(&mut entries);
        add::<kinds::analyze_symbol::AnalyzeSymbol>(&mut entries);
        add::<kinds::run_cycle::RunCycle>(&mut entries);
        if exercise {
            add::<kinds::exercise::Exercise>(&mut entries);
            add::<kinds::ledger::Ledger>(&mut entries);
        }
        Self { entries: Arc::new(entries) }
    }

    /// Returns the one kind that measures the queue.
    pub fn measuring() -> Self {
        let mut entries = BTreeMap::new();
        add::<kinds::measure::Measure>(&mut entries);
        Self { entries: Arc::new(entries) }
    }

    /// Returns the names of the kinds, in order.
    pub fn kinds(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    /// Returns the failures after which a job of `kind` is discarded, unless it says otherwise.
    pub fn max_failures(&self, kind: &str) -> Option<i32> {
        self.get(kind).map(|entry| entry.policy.max_failures)
    }

    /// Answers whether `payload` is one of `kind`, named with its version as in the queue.
    pub fn check_payload(&self, kind: &str, payload: &Value) -> Result<(), PayloadError> {
        let entry = self.get(kind).ok_or_else(|| PayloadError::UnknownKind(kind.to_owned()))?;
        (entry.check)(payload)
    }

    /// Returns the names of the kinds that can find out whether an effect happened.
    pub(crate) fn probing(&self) -> Vec<String> {
        let probing = self.entries.iter().filter(|(_, entry)| entry.probe.is_some());
        probing.map(|(kind, _)| kind.clone()).collect()
    }

    pub(crate) fn get(&self, kind: &str) -> Option<Entry> {
        self.entries.get(kind).copied()
    }
}

/// Adds a kind in all its versions: newer code runs older payloads.
fn add<H: Handler>(entries: &mut BTreeMap<String, Entry>) {
    for version in 1..=H::VERSION {
        let entry = Entry {
            policy: H::POLICY,
            run: run::<H>,
            abandon: abandon::<H>,
            resolve: resolve::<H>,
            probe: H::PROBE,
            look: look::<H>,
            check: check::<H>,
        };
        let earlier = entries.insert(versioned(H::KIND, version), entry);
        assert!(earlier.is_none(), "two kinds are named {}", H::KIND);
    }
}

fn run<H: Handler>(
    payload: Value,
    ctx: Context,
    env: Arc<Environment>,
) -> BoxFuture<'static, Result<Success, JobError>> {
    match serde_json::from_value::<H>(payload) {
        Ok(job) => job.run(ctx, env).boxed(),
        Err(error) => {
            let error = undecodable::<H>(&error);
            async move { Err(error) }.boxed()
        }
    }
}

fn undecodable<H: Handler>(error: &serde_json::Error) -> JobError {
    JobError::fatal("PAYLOAD_UNDECODABLE", format!("the payload of {} does not decode: {error}", H::KIND))
}

fn look<H: Handler>(
    payload: Value,
    ctx: ProbeContext,
    env: Arc<Environment>,
) -> BoxFuture<'static, Result<Probe, JobError>> {
    match serde_json::from_value::<H>(payload) {
        Ok(job) => job.probe(ctx, env).boxed(),
        Err(error) => {
            let error = undecodable::<H>(&error);
            async move { Err(error) }.boxed()
        }
    }
}

fn check<H: Handler>(payload: &Value) -> Result<(), PayloadError> {
    match serde_path_to_error::deserialize::<_, H>(payload) {
        Ok(_) => Ok(()),
        Err(error) => Err(PayloadError::Undecodable {
            kind: H::KIND.to_owned(),
            path: error.path().to_string(),
            reason: error.into_inner().to_string(),
        }),
    }
}

fn abandon<'a, H: Handler>(
    payload: Value,
    conn: &'a mut PgConnection,
    ending: &'a Ending,
) -> BoxFuture<'a, sqlx::Result<()>> {
    match serde_json::from_value::<H>(payload) {
        Ok(job) => job.abandoned(conn, ending).boxed(),
        // Nothing can be said about a row that the payload does not name.
        Err(_) => async { Ok(()) }.boxed(),
    }
}

fn resolve<'a, H: Handler>(
    payload: Value,
    conn: &'a mut PgConnection,
    resolved: &'a Resolved,
) -> BoxFuture<'a, sqlx::Result<()>> {
    match serde_json::from_value::<H>(payload) {
        Ok(job) => job.resolved(conn, resolved).boxed(),
        // Nothing can be said about a row that the payload does not name.
        Err(_) => async { Ok(()) }.boxed(),
    }
}
