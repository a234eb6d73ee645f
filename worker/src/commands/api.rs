//! `capstan api`: the HTTP API.

use std::io::Write;

use anyhow::Context;
use api::AppState;
use clap::Args;
use tokio::net::TcpListener;

use crate::{bootstrap, shutdown};

/// Options of `capstan api`.
#[derive(Debug, Args)]
pub struct ApiArgs {
    /// Address to listen on; port 0 takes a free one [default: api.listen of the settings]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// Serves until asked to stop. Prints `listening on http://ADDR` once it does.
pub async fn run(args: ApiArgs) -> anyhow::Result<()> {
    let (config, pool) = bootstrap::start("api")?;
    let shutdown = shutdown::on_signal()?;
    let address = args.listen.unwrap_or_else(|| config.api.listen.clone());
    let listener = TcpListener::bind(&address).await.with_context(|| format!("can't listen on {address}"))?;
    let bound = listener.local_addr()?;
    // A reader that has gone away is no reason to stop serving.
    let _ = writeln!(std::io::stdout(), "listening on http://{bound}");
    let state = AppState::new(pool, config.as_ref().clone());
    api::serve(listener, state, shutdown).await.context("the API ended")
}
