//! `capstan db`: the private server of a data directory, seen from outside.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::dev;
use crate::postgres::{Cluster, DATABASE, Mode, default_data_dir, lock};

/// How long a forced stop waits for a start that is under way.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The arguments of `capstan db`.
#[derive(Debug, Clone, clap::Args)]
pub struct DbArgs {
    /// What to do
    #[command(subcommand)]
    pub action: DbAction,
}

/// What `capstan db` can do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum DbAction {
    /// Print the running server's URL
    Url(Place),
    /// Print the line that opens the running server in psql
    Psql(Place),
    /// Stop the server
    Stop(StopArgs),
}

/// Which server.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The data directory given to `capstan dev` [default: this checkout's]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Which server to stop, and how resolutely.
#[derive(Debug, Clone, clap::Args)]
pub struct StopArgs {
    /// Which server.
    #[command(flatten)]
    pub place: Place,
    /// Stop it even while a `capstan dev` uses it, which then starts it again
    #[arg(long)]
    pub force: bool,
}

/// Runs `capstan db`.
///
/// # Errors
/// When no server runs on the data directory, a running `capstan dev` needs it, or it does not stop.
pub async fn run(args: DbArgs) -> anyhow::Result<()> {
    let acted = tokio::task::spawn_blocking(move || act(&args.action));
    acted.await.context("capstan db broke off")?
}

fn act(action: &DbAction) -> anyhow::Result<()> {
    let (DbAction::Url(place) | DbAction::Psql(place) | DbAction::Stop(StopArgs { place, .. })) = action;
    let data_dir = place.data_dir.clone().unwrap_or_else(default_data_dir);
    let running = Cluster::attach(&data_dir);
    let cluster = running.with_context(|| format!("no database server runs on {}", data_dir.display()))?;
    match action {
        DbAction::Url(_) => println!("{}", cluster.url(DATABASE)),
        DbAction::Psql(_) => println!("{}", cluster.psql_command(DATABASE)),
        DbAction::Stop(stop) => println!("{}", stopped(&cluster, &data_dir, stop.force)?),
    }
    Ok(())
}

/// Stops the server and says what became of it.
fn stopped(cluster: &Cluster, data_dir: &Path, force: bool) -> anyhow::Result<String> {
    let said = format!("stopped the server with pid {}", cluster.pid());
    let Some(dev) = dev::running(data_dir)? else {
        cluster.stop(Mode::Fast)?;
        return Ok(said);
    };
    if !force {
        bail!(
            "{dev} runs on {} and uses the server: stop that instead, or use --force, after which it starts \
             the server again",
            data_dir.display()
        );
    }
    // The new server waits until nothing of the old one is left, its socket's directory included.
    let _starting = lock::exclusive(&data_dir.join("start.lock"), START_LIMIT)?;
    cluster.stop(Mode::Fast)?;
    Ok(format!("{said}; {dev} starts it again"))
}
