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
    queue::{Context, Ending, JobError},
};

type Run = fn(Value, Context, Arc<Environment>) -> BoxFuture<'static, Result<Success, JobError>>;
type Abandon = for<'a> fn(Value, &'a mut PgConnection, &'a Ending) -> BoxFuture<'a, sqlx::Result<()>>;

/// How one kind runs.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) policy: Policy,
    pub(crate) run: Run,
    pub(crate) abandon: Abandon,
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

    pub(crate) fn get(&self, kind: &str) -> Option<Entry> {
        self.entries.get(kind).copied()
    }
}

/// Adds a kind in all its versions: newer code runs older payloads.
fn add<H: Handler>(entries: &mut BTreeMap<String, Entry>) {
    for version in 1..=H::VERSION {
        let entry = Entry { policy: H::POLICY, run: run::<H>, abandon: abandon::<H> };
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
            let reason = format!("the payload of {} does not decode: {error}", H::KIND);
            async move { Err(JobError::fatal("PAYLOAD_UNDECODABLE", reason)) }.boxed()
        }
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
