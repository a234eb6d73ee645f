//! `capstan db`: the private server of a data directory, seen from outside.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::postgres::{Cluster, DATABASE, Mode, default_data_dir};

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
    Stop(Place),
}

/// Which server.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The data directory given to `capstan dev` [default: this checkout's]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Runs `capstan db`.
///
/// # Errors
/// When no server runs on the data directory, or it does not stop.
pub async fn run(args: DbArgs) -> anyhow::Result<()> {
    let acted = tokio::task::spawn_blocking(move || act(&args.action));
    acted.await.context("capstan db broke off")?
}

fn act(action: &DbAction) -> anyhow::Result<()> {
    let (DbAction::Url(place) | DbAction::Psql(place) | DbAction::Stop(place)) = action;
    let data_dir = place.data_dir.clone().unwrap_or_else(default_data_dir);
    let running = Cluster::attach(&data_dir);
    let cluster = running.with_context(|| format!("no database server runs on {}", data_dir.display()))?;
    match action {
        DbAction::Url(_) => println!("{}", cluster.url(DATABASE)),
        DbAction::Psql(_) => println!("{}", cluster.psql_command(DATABASE)),
        DbAction::Stop(_) => {
            cluster.stop(Mode::Fast)?;
            println!("stopped the server with pid {}", cluster.pid());
        }
    }
    Ok(())
}
