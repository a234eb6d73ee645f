//! `capstan worker`: runs jobs.

mod metrics;

use std::sync::Arc;

use clap::Args;
use jobs::{
    Registry, housekeeping,
    queue::{self, Counters, WorkerOptions},
};

use self::metrics::Metrics;
use crate::{bootstrap, shutdown};

/// Options of `capstan worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Queues to serve and the slots of each, as `backtests=2,default=10` [default: worker.queues]
    #[arg(long, value_name = "LIST")]
    queues: Option<String>,
}

/// Runs jobs until asked to stop; then lets running ones finish, within the grace.
pub async fn run(args: WorkerArgs) -> anyhow::Result<()> {
    let (config, pool) = bootstrap::start("worker")?;
    let shutdown = shutdown::on_signal()?;
    let queues = args.queues.as_deref().map(bootstrap::queues).transpose()?.unwrap_or_default();
    let registry = Registry::new(config.worker.exercise);
    let env = bootstrap::environment(config, pool)?;
    let counters = Arc::new(Counters::default());
    let metrics = Metrics::bind(&env, &counters).await?;
    let showing = async {
        match metrics {
            Some(metrics) => metrics.serve().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ran = queue::run(env.clone(), registry, WorkerOptions { queues }, counters, shutdown) => Ok(ran?),
        () = housekeeping::run(env) => Ok(()),
        () = showing => Ok(()),
    }
}
